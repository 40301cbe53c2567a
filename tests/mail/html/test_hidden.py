"""Elements that no mail client shows."""

from __future__ import annotations

import pytest
from genshi.core import Attrs

from trac_mailintake.mail.html import hidden


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, False),
        ({"style": "display:none"}, True),
        ({"style": "color:red; DISPLAY: None !important"}, True),
        ({"style": "visibility:hidden"}, True),
        ({"style": "mso-hide:all"}, True),
        ({"style": "max-height:0px;overflow:hidden"}, True),
        ({"style": "opacity:0"}, True),
        ({"style": "opacity:0.5"}, False),
        ({"style": "max-height:0.5em"}, False),
        ({"style": "display:block"}, False),
        ({"style": "x-display:none"}, False),
        ({"style": " " * 2000 + "display:none"}, False),
        ({"hidden": ""}, True),
        ({"class": "hidden"}, False),
    ],
)
def test_what_is_hidden(attributes: dict[str, str], expected: bool) -> None:  # noqa: FBT001 - a row of the table
    """By its style or by HTML's own attribute; where something is hidden there is a hint of it."""
    assert hidden.is_hidden(Attrs(list(attributes.items()))) is expected
    html = "".join(f'{name}="{value}"' for name, value in attributes.items()).lower()
    assert hidden.hints(html) or not expected
