"""handle: texts as a browser would have sent them, so that a form which shows them sends them back unchanged.

Trac compares what a form sends with what it has, character by character (`Ticket.__setitem__` in trac/ticket/model.py);
so what a browser or Trac's own pages would alter must not be stored.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from trac.util import as_bool

from trac_mailintake.mail.charsets import scrub

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trac.ticket.model import Ticket

_ENDS: Final = re.compile("\r\n|\r|\n")
_END: Final = "\r\n"


def ended(text: str) -> str:
    """The text with each end of a line as a form sends it: CR LF (HTML Standard, 4.10.21.4)."""
    return _ENDS.sub(_END, text)


def area(text: str) -> str:
    """What a browser would send of a field of several lines.

    None begins with the end of a line, since a browser ignores one that follows `<textarea>` (HTML Standard,
    13.2.6.4.7), and Trac writes none of its own there; nor is there a control character, which Trac's pages leave out
    (`valid_html_bytes` in trac/util/html.py). At most twice as long as `text`.
    """
    return ended(scrub(text).lstrip("\r\n"))


def line(text: str) -> str:
    """What a browser would send of a field of one line, with a blank for each end of a line that it could not hold."""
    return _ENDS.sub(" ", scrub(text)).strip()


def _box(text: str) -> str:
    """What Trac takes a check box for: it shows any other value as an empty one (`ticket.html`)."""
    return "1" if as_bool(text) else "0"


_BY_TYPE: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {"text": line, "textarea": area, "checkbox": _box}
)


def settle(ticket: Ticket) -> None:
    """Whatever a new ticket's fields have been given, by a mail, a service, a plugin or trac.ini.

    A custom time that was given none is none, as from Trac's form, and not absent: that would be another value to Trac.
    """
    for field in ticket.fields:
        name, value, typed = field["name"], ticket[field["name"]], _BY_TYPE.get(field["type"])
        if typed and isinstance(value, str) and value:
            ticket[name] = typed(value)
        elif field["type"] == "time" and field.get("custom") and not value:
            ticket[name] = None
