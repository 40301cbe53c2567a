"""The admin panel *Mail Intake / Journal*: the outcome of each message and why, and actions on held mail."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NoReturn

from trac.web.api import HTTPNotFound, RequestDone
from trac.web.chrome import add_ctxtnav, add_link, add_notice, add_warning

from trac_mailintake.components.options import CATEGORY, VIEW
from trac_mailintake.components.panels.base import PATIENCE, PanelView, unknown
from trac_mailintake.components.panels.journal.held_actions import act
from trac_mailintake.components.panels.journal.mail_page import inside
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.intake.times import Seconds
from trac_mailintake.tracker.journal.journal import Journal
from trac_mailintake.tracker.journal.search import OUTCOMES, Filter, Stretch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac.web.api import Request

    from trac_mailintake.components.panels.base import Page
    from trac_mailintake.mail.spool import Slice
    from trac_mailintake.tracker.journal.journal import Entry
    from trac_mailintake.tracker.journal.journal import Page as Found

PER_PAGE: Final = 50
SECONDS: Final = Seconds(0.25)
"""The time to search rows for one page. After that the page says how far it got, and offers to continue."""
_FILTERS: Final = ("service", "outcome", "rule", "sender", "ticket", "text")
_ACTIONS: Final = ("retry", "release_new", "release", "discard")
_WHERE: Final = ("before", "after")
"""Where a page begins: below a number, or above one."""
_RAW: Final = "raw"
_LARGEST_NUMBER: Final = 2**31 - 1


class JournalView(PanelView):
    """Shows the journal (MAILINTAKE_VIEW), and acts on held mail (MAILINTAKE_ADMIN)."""

    # PanelView methods

    def show(self, req: Request, name: str) -> Page:
        """The journal, or the page of one mail, or its bytes."""
        if not name:
            return self._list(req)
        number, slash, rest = name.partition("/")
        entry = self._entry(number)
        if slash and rest == _RAW:
            self._send(req, entry)
        if slash:
            raise unknown("page", name)
        return self._mail(req, entry)

    def change(self, req: Request, name: str) -> Page:
        """Retry, release or discard held mail; then return to the page that asked for it."""
        chosen = [name] if name else req.args.getlist("sel")
        numbers = [self._entry(each).id for each in chosen]
        action = next((each for each in _ACTIONS if each in req.args), "")
        if not numbers:
            add_warning(req, "Choose held mail first.")
        elif action:
            self._act(req, action, numbers)
        arguments = {} if name else {each: req.args.getfirst(each) or None for each in (*_FILTERS, *_WHERE)}
        self.back(req, *filter(None, [name]), **arguments)

    # the list

    def _list(self, req: Request) -> Page:
        journal = Journal(self.env)
        wanted = _filter(req)
        found: Found | None = None
        if wanted is not None:
            try:
                found = journal.page(wanted, _stretch(req), PER_PAGE)
            except SettingError as error:
                raise HTTPNotFound(str(error)) from None
        entries = found.entries if found else ()
        filters = {name: str(req.args.getfirst(name, "")) for name in _FILTERS}
        return "mailintake_journal.html", {
            "entries": entries,
            "searched": found.searched if found else None,
            "holds": any(_waits(entry) for entry in entries),
            "waits": _waits,
            "pages": _pages(req, self.page, found, filters) if found else (),
            "here": {name: req.args.getfirst(name) for name in _WHERE},
            "filters": filters,
            "services": journal.names(),
            "outcomes": OUTCOMES,
        }

    # one mail

    def _entry(self, number: str) -> Entry:
        if not _is_number(number):
            raise unknown("mail", f"{number} in the journal")
        try:
            return Journal(self.env).get(int(number))
        except SettingError:
            raise unknown("mail", f"{number} in the journal") from None

    def _mail(self, req: Request, entry: Entry) -> Page:
        add_ctxtnav(req, "Back to the journal", req.href.admin(CATEGORY, self.page))
        return "mailintake_mail.html", {"entry": entry, "waits": _waits(entry), "inside": inside(self.env, entry)}

    def _send(self, req: Request, entry: Entry) -> NoReturn:
        """Send the original message as a download. No browser may show it, whatever it contains."""
        self.require(req, VIEW)
        raw = self._bytes(entry)
        chunks = raw.chunks()
        try:
            first = next(chunks, b"")
        except OSError:
            raise HTTPNotFound(f"The bytes of mail {entry.id} are no longer kept.") from None
        req.send_response(200)
        req.send_header("Content-Type", "message/rfc822")
        req.send_header("Content-Disposition", f'attachment; filename="mail-{entry.id}.eml"')
        req.send_header("Content-Length", str(raw.length))
        req.send_header("Content-Security-Policy", "default-src 'none'; sandbox")
        req.send_header("X-Content-Type-Options", "nosniff")
        req.send_header("Cache-Control", "no-store")
        req.end_headers()
        if req.method != "HEAD":
            req.write(first)
            req.write(chunks)
        raise RequestDone

    @staticmethod
    def _bytes(entry: Entry) -> Slice:
        if entry.raw is None:
            why = "its bytes were purged" if entry.purged else "only its headers were read: it was never archived"
            raise HTTPNotFound(f"Mail {entry.id}: {why}.")
        return entry.raw

    # held mail

    def _act(self, req: Request, action: str, numbers: Sequence[int]) -> None:
        ticket = str(req.args.getfirst("to_ticket", "")).strip().removeprefix("#")
        if action == "release" and not _is_number(ticket):
            add_warning(req, "Type the number of the ticket to release the mail to.")
            return
        target = int(ticket) if action == "release" else None
        word = action.partition("_")[0]
        done = act(self.env, word, numbers, target, req.authname, Seconds(time.monotonic() + PATIENCE))
        for sentence in done.notices:
            add_notice(req, sentence)
        for sentence in done.warnings:
            add_warning(req, sentence)


def _waits(entry: Entry) -> bool:
    """Whether the entry is held, so that an administrator can decide."""
    return entry.outcome == "held"


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and 0 < len(word) <= 10 and 0 < int(word) <= _LARGEST_NUMBER  # noqa: PLR2004 - digits of the largest


def _filter(req: Request) -> Filter | None:
    """The requested filter; None, with a warning, if it is invalid."""
    typed = {name: str(req.args.getfirst(name, "")).strip() for name in _FILTERS}
    ticket = typed.pop("ticket").removeprefix("#")
    if ticket and not _is_number(ticket):
        add_warning(req, f"{ticket} is no number of a ticket.")
        return None
    return Filter(**typed, ticket=int(ticket) if ticket else None)


def _stretch(req: Request) -> Stretch:
    """Where the page begins: at the newest message, unless the URL names a number."""
    numbers: dict[str, int | None] = {}
    for name in _WHERE:
        typed = str(req.args.getfirst(name, ""))
        numbers[name] = int(typed) if typed == "0" or _is_number(typed) else None
    return Stretch(**numbers, seconds=SECONDS)


def _pages(req: Request, page: str, found: Found, filters: dict[str, str]) -> tuple[tuple[str, str | None], ...]:
    """The pages before and after: label and URL, None if there is none."""

    def href(**where: int) -> str:
        given = {name: value for name, value in filters.items() if value}
        return str(req.href.admin(CATEGORY, page, **where, **given))

    newer = href(after=found.newer) if found.newer is not None else None
    older = href(before=found.older) if found.older is not None else None
    if older:
        add_link(req, "next", older, "Older mail")
    if newer:
        add_link(req, "prev", newer, "Newer mail")
    return (
        ("Newest", newer and href()),
        ("Newer", newer),
        ("Older", older),
        ("Oldest", older and href(after=0)),
    )
