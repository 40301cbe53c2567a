"""parse: which elements of HTML mail no mail client shows, such as a newsletter's preview text."""

from __future__ import annotations

import re
from typing import Any, Final

_STYLES: Final = re.compile(
    r"(?:^|[;\s])(?:display:\s{0,3}none|visibility:\s{0,3}hidden|mso-hide:\s{0,3}all|(?:max-height|opacity):\s{0,3}0(?:px)?\s{0,3}(?:;|$|!))",
    re.IGNORECASE,
)
_HINTS: Final = ("none", "hidden", "mso-hide", "max-height", "opacity")
_LONGEST: Final = 1000
"""Characters of a style."""


def hints(lower: str) -> bool:
    """Whether HTML in lower case may hide anything: most of it does not, and needs no closer look."""
    return any(hint in lower for hint in _HINTS)


def is_hidden(attributes: Any) -> bool:  # noqa: ANN401 - Genshi is untyped
    """Whether an element is hidden, such as a newsletter's preview text."""
    if not attributes:
        return False
    style = attributes.get("style")
    return bool(style and _STYLES.search(style[:_LONGEST])) or attributes.get("hidden") is not None
