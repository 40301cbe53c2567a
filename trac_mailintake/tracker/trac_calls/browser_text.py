"""handle: normalises text as a browser would send it, so that a form that shows it sends it back unchanged.

Trac compares a form's text with the stored text character by character (`Ticket.__setitem__` in trac/ticket/model.py).
So nothing may be stored that a browser or Trac's own pages would alter.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from trac.util import as_bool

from trac_mailintake.mail.scrub import scrub

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trac.ticket.model import Ticket

_ENDS: Final = re.compile("\r\n|\r|\n")
_END: Final = "\r\n"


def ended(text: str) -> str:
    """The text with CR LF line ends, as a form sends it (HTML Standard, 4.10.21.4)."""
    return _ENDS.sub(_END, text)


def area(text: str) -> str:
    """The text as a browser would send it from a text area. At most twice as long as `text`.

    It never begins with a line end, since a browser ignores one after `<textarea>` (HTML Standard, 13.2.6.4.7), and
    Trac adds none there. It has no control characters, which Trac's pages leave out (`valid_html_bytes` in
    trac/util/html.py).
    """
    return ended(scrub(text).lstrip("\r\n"))


def line(text: str) -> str:
    """The text as a browser would send it from a single-line field, with a blank for each line end."""
    return _ENDS.sub(" ", scrub(text)).strip()


def _box(text: str) -> str:
    """The value of a check box for Trac, which shows any other value as unticked (`ticket.html`)."""
    return "1" if as_bool(text) else "0"


_BY_TYPE: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {"text": line, "textarea": area, "checkbox": _box}
)


def settle(ticket: Ticket) -> None:
    """Normalise all fields of a new ticket, whether set by a mail, a service, a plugin or trac.ini.

    A custom time without a value becomes None, as from Trac's form. Leaving it absent would be another value for Trac.
    """
    for field in ticket.fields:
        name, value, typed = field["name"], ticket[field["name"]], _BY_TYPE.get(field["type"])
        if typed and isinstance(value, str) and value:
            ticket[name] = typed(value)
        elif field["type"] == "time" and field.get("custom") and not value:
            ticket[name] = None
