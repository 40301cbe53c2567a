"""record: which message of a listing is which row, where its locator alone does not say.

Over IMAP and POP3 the locator identifies a message, and its size is a hint. Three kinds of messages are in doubt, until
they have been read and compared by the digest of their content (docs/behaviour.md#what-identifies-a-delivery):

- resized: the locator is known, and the size is another one. Some servers write into a mail, others give its locator to
  another one.
- renumbered: the locator is new, and the server has a new epoch (IMAP: a new UIDVALIDITY). The message may be one that
  was known by another locator.
- told apart by content alone: the server gives it no locator of its own.

Each message is settled by one row, in one statement, so that a run that is killed leaves the rest in doubt.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons
from trac_mailintake.intake.errors import Stale
from trac_mailintake.intake.model import UNREAD, UTF8, Listed
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.mail.content_digest import content_digest
from trac_mailintake.tracker.archive.store import found
from trac_mailintake.tracker.db.transaction import chunks, transaction
from trac_mailintake.tracker.deliveries import hints, ownership
from trac_mailintake.tracker.deliveries.hints import WRITTEN
from trac_mailintake.tracker.deliveries.rows import displaced_key, fresh, live_key, passed_key
from trac_mailintake.tracker.lifecycle import transitions
from trac_mailintake.tracker.lifecycle.states import DECIDED, Event, State
from trac_mailintake.tracker.lifecycle.transitions import Whereabouts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from trac.env import Environment

    from trac_mailintake.intake.model import Account
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.tracker.db.transaction import Connection
    from trac_mailintake.tracker.deliveries.hints import Listing
    from trac_mailintake.tracker.deliveries.rows import Row
    from trac_mailintake.tracker.deliveries.session import Session

_NAMELESS: Final = "-"
"""Instead of a name, in the locator of a message to which its server gave none."""
_TOGETHER: Final = 50
"""Messages that are settled in one transaction."""


_FOUND: Final = DECIDED | {State.SEALED}
"""The states in which a row may be found again at another locator."""


@dataclass(slots=True)
class Doubt:
    """What is in doubt in a mailbox, by live key.

    `resized`: rows at whose locator a message of another size is listed. `strangers`: messages that may be those of the
    rows `lost`, which are not listed any more.
    """

    resized: dict[str, tuple[Listed, Row]] = field(default_factory=dict)
    strangers: dict[str, Listed] = field(default_factory=dict)
    lost: dict[int, Row] = field(default_factory=dict)
    renewed: bool = False
    """Whether the epoch is another one than that of the rows."""
    held: bool = False
    """Whether rows were made for messages of which it cannot be known whether they are from before the start."""
    comparing: _Comparing | None = None

    def listed(self, account: Account) -> dict[str, Listed]:
        """The messages in doubt, by live key."""
        return {live_key(account, each): each for each, _ in self.resized.values()} | self.strangers


class Identity:
    """The doubts of one worker's rounds."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._env = session.env
        self._doubts: dict[str, Doubt] = {}
        """By mailbox (its label), since it was last reconciled."""
        self._new: set[str] = set()
        """Live keys of messages that were read, and are none of those in the rows."""
        self._habits: dict[str, ownership.Habits] = {}
        self._changed: set[str] = set()
        """Mailboxes in whose listing a new epoch was found."""

    def of(self, account: Account) -> Doubt:
        """What is in doubt in a mailbox."""
        return self._doubts.get(account.label, Doubt())

    def begin(self, service: Service, account: Account, listing: Sequence[Listed]) -> None:
        """Remember the epoch of mail that is passed over: it may be another one when the first mail is taken."""
        if listing and listing[0].epoch:
            self._note(service, account, ownership.habits(self._env, account), listing[0].epoch)

    def follow(self, account: Account, view: Listing, rows: Sequence[Row]) -> bool:
        """After a new epoch, let rows of mail that nobody has read say where their messages are now: see `hints`.

        Returns whether there were any.
        """
        first = next(iter(view.keys.values()), None)
        if first is None or not first.epoch or not hints.unread(view, rows):
            return False
        if ownership.habits(self._env, account).epoch == first.epoch:
            return False
        moved = list(hints.moved(account, view, rows))
        for some in chunks(moved, _TOGETHER):
            try:
                with transaction(self._env) as db:
                    for row, where in some:
                        transitions.rekey(db, row.id, row.live, where, None)
            except Stale:
                self._env.log.debug("%s: others have followed mail meanwhile", account.label)
        return bool(moved)

    def doubt(self, service: Service, account: Account, view: Listing, rows: Sequence[Row]) -> Doubt:
        """Find what is in doubt."""
        doubt = self._doubts[account.label] = Doubt()
        first = next(iter(view.keys.values()), None)
        if first is not None and not first.epoch:
            return doubt
        habits = self._habits[account.label] = ownership.habits(self._env, account)
        if first is None:
            return doubt
        known = [row for row in rows if row.live in view.named]
        doubt.renewed = habits.epoch != first.epoch and not (habits.epoch is None and known)
        self._find_resized(doubt, view, known, comparable=habits.epoch == first.epoch)
        self._find_strangers(doubt, view, rows)
        # Also while others stay in doubt: what was read and is unknown would be filed.
        doubt.held = doubt.renewed and self._hold_unsure(service, account, view, rows, doubt.strangers)
        if not doubt.strangers:
            doubt.renewed = False
            self._note(service, account, habits, first.epoch)
        return doubt

    def _find_resized(self, doubt: Doubt, view: Listing, known: Sequence[Row], *, comparable: bool) -> None:
        """Find the rows at whose locators there are messages of another size, and that can be compared with those."""
        resized = {row.live: (view.named[row.live], row) for row in known if self._is_comparable(row)}
        resized = {live: pair for live, pair in resized.items() if _is_another_size(*pair)}
        doubt.resized = {live: pair for live, pair in resized.items() if comparable and _is_same_form(*pair)}
        self._accept({live: pair for live, pair in resized.items() if live not in doubt.resized})

    def _is_comparable(self, row: Row) -> bool:
        """Whether the row's bytes are known, and no worker has it in hand."""
        resumed = row.state is State.RESUMED and not self._session.holds(row)
        return _is_found(row) or (resumed and bool(row.sha256))

    def _find_strangers(self, doubt: Doubt, view: Listing, rows: Sequence[Row]) -> None:
        asked = hints.new_in(view, {row.live for row in rows} | self._new)
        lost, unread = _lost(view, rows), hints.unread(view, rows)
        if not doubt.renewed:
            asked, unread = _kin(asked, lost), []
            lost = _kin_of([*asked.values(), *(each for each, _ in doubt.resized.values())], lost)
        doubt.strangers = asked if lost else _unnamed(asked)
        if doubt.strangers or doubt.resized:
            # What was not read must not be forgotten, either, before all others have been compared.
            doubt.lost = {row.id: row for row in (*lost, *unread)}

    def _hold_unsure(
        self, service: Service, account: Account, view: Listing, rows: Sequence[Row], strangers: Collection[str]
    ) -> bool:
        """Hold messages that may be from before the start: otherwise there might be a ticket for each old mail.

        Not `strangers`: these must be read first, by live key.
        """
        if service.start != "now":
            return False
        perhaps = hints.perhaps_from_before(service.name, view, rows)
        unsure = [each for each in perhaps if live_key(account, each) not in strangers]
        for some in chunks(unsure, _TOGETHER):
            made = [fresh(service, account, each, None, Microseconds(0)) for each in some]
            made = [{**row, "live": live_key(account, each)} for row, each in zip(made, some, strict=True)]
            with transaction(self._env) as db:
                transitions.skip(db, made, reasons.START_UNSURE(), Event.DOUBT)
        return bool(unsure)

    def _note(self, service: Service, account: Account, habits: ownership.Habits, epoch: str) -> None:
        """Remember the epoch, and in how many runs in a row it was another one while mail was left there."""
        changes = habits.changes
        if habits.epoch != epoch:
            self._changed.add(account.label)
            leaves = service.afterwards.word in ownership.STAYS
            changes = changes + 1 if leaves and habits.epoch is not None else 0
        elif account.label not in self._changed:
            changes = 0
        self._store(service, account, habits, habits._replace(epoch=epoch, changes=changes))

    def kept(self, service: Service, account: Account, number: int) -> None:
        """Note how many mails are listed although the server said that it removed them."""
        before = self._habits.get(account.label)
        if before is not None and service.afterwards.word not in ownership.STAYS:
            self._store(service, account, before, before._replace(kept=number))

    def _store(self, service: Service, account: Account, before: ownership.Habits, after: ownership.Habits) -> None:
        self._habits[account.label] = after
        if after != before:
            with transaction(self._env) as db:
                ownership.note_habits(db, account, service.name, after)

    def _accept(self, resized: Mapping[str, tuple[Listed, Row]]) -> None:
        for some in chunks(resized.values(), _TOGETHER):
            with transaction(self._env) as db:
                for listed, row in some:
                    transitions.hint(db, row.id, _whereabouts(row.live, listed), None)

    # what was read

    def recognise(self, account: Account, readings: Sequence[tuple[Listed, str]]) -> None:
        """See `ports.Mailbox.recognise`."""
        doubt = self.of(account)
        if doubt.comparing is None:
            doubt.comparing = _Comparing(self._env, account, doubt.lost)
        for some in chunks(readings, _TOGETHER):
            try:
                with transaction(self._env) as db:
                    for listed, content in some:
                        self._settle(db, account, doubt, listed, content)
            except Stale:
                # Another worker has claimed one of them just now, or found it again. They stay in doubt.
                self._env.log.debug("%s: others have recognised mail meanwhile", account.label)

    def _settle(self, db: Connection, account: Account, doubt: Doubt, listed: Listed, content: str) -> None:
        """Settle what is known of one message."""
        known = self._confirmed(db, account, doubt, listed, content)
        if not known and not _found_again(db, account, doubt, listed, content):
            self._new.add(live_key(account, listed))

    def _confirmed(self, db: Connection, account: Account, doubt: Doubt, listed: Listed, content: str) -> bool:
        """Mend the rows at its locator if it is their message; otherwise take it from them. Returns whether it is."""
        confirmed = False
        for row in [row for each, row in doubt.resized.values() if each.locator == listed.locator]:
            if _is_same(self._env, row, content):
                transitions.hint(db, row.id, _whereabouts(row.live, listed), content)
                confirmed = True
            else:
                _displace(db, account, row)
        return confirmed


class _Comparing:
    """The lost rows of a mailbox, by the content of their mail."""

    def __init__(self, env: Environment, account: Account, lost: Mapping[int, Row]) -> None:
        self._env = env
        self._account = account
        self._lost = lost
        self._known: defaultdict[str, list[Row]] = defaultdict(list)
        self._unread = [row for row in lost.values() if not row.content and row.archive]
        for row in lost.values():
            # The two are the same if the mail has no field that servers write.
            self._known[row.content or row.sha256 or ""].append(row)

    def equal(self, content: str, size: int | None) -> tuple[list[Row], list[Row]]:
        """The lost rows of a message, of about this size: its own, and those of services that pass it over."""
        if content not in self._known:
            self._read_alike(size)
        rows = self._known.get(content, ())
        return [row for row in rows if not self._is_passed(row)], [row for row in rows if self._is_passed(row)]

    def drop(self, row: Row, content: str) -> None:
        """This one is no longer lost."""
        self._known[content].remove(row)

    def _read_alike(self, size: int | None) -> None:
        """Read the archived mail whose content is unknown, as far as it has about this size."""
        for row in self._unread[:]:
            if size is None or abs((row.archive_length or 0) - size) <= WRITTEN:
                self._unread.remove(row)
                content = content_of(self._env, row)
                if content and content != row.sha256:
                    self._known[row.sha256 or ""].remove(row)
                    self._known[content].append(row)

    def _is_passed(self, row: Row) -> bool:
        """Whether the row says only that its service passes the message over."""
        if row.state is not State.IGNORED:
            return False
        [[locator]] = self._env.db_query("SELECT locator FROM mailintake_delivery WHERE id=%s", (row.id,))
        return row.live == passed_key(self._account, Listed(locator, ""), row.service)


def content_of(env: Environment, row: Row) -> str:
    """The digest of the content of the row's mail, read from the archive if it is not stored; "" if it is not there."""
    if row.content or not row.archive:
        return row.content or ""
    raw = found(env, row.archive, row.archive_offset or 0, row.archive_length or 0)
    try:
        return content_digest(raw.chunks())
    except OSError:
        return ""


def _is_same(env: Environment, row: Row, content: str) -> bool:
    """Whether the row's mail has this content; if that cannot be known any more, its locator says so."""
    known = content_of(env, row)
    return not known or content in (known, row.sha256)


def _is_another_size(listed: Listed, row: Row) -> bool:
    """Whether the sizes differ; one that the server did not tell says nothing."""
    return listed.size is not None and listed.size != (row.size or 0)


def _is_same_form(listed: Listed, row: Row) -> bool:
    """Whether both sizes are of mail in UTF-8, or neither is."""
    return listed.fingerprint.endswith(UTF8) == row.fingerprint.endswith(UTF8)


def _kin(new: Mapping[str, Listed], lost: Sequence[Row]) -> dict[str, Listed]:
    """The messages of which the locator does not say whether they are new, by live key.

    Only their content tells them from others, or it told one of these rows from a message of the same name.
    """
    names = {_name(row.fingerprint) for row in lost}
    return {
        live: each for live, each in new.items() if each.content or _NAMELESS in names or _name(each.locator) in names
    }


def _kin_of(asked: Iterable[Listed], lost: Sequence[Row]) -> list[Row]:
    """The rows that may be those of these messages."""
    names = {_name(each.locator) for each in asked}
    return [row for row in lost if _NAMELESS in names or _name(row.fingerprint) in {*names, _NAMELESS}]


def _lost(view: Listing, rows: Iterable[Row]) -> list[Row]:
    """The rows that are not listed, and may be found again by their content."""
    return [row for row in rows if _is_found(row) and row.live not in view.named]


def _unnamed(asked: Mapping[str, Listed]) -> dict[str, Listed]:
    """Those of these messages whose locator says nothing, as they could not be read."""
    return {live: each for live, each in asked.items() if each.content == UNREAD}


def _name(word: str) -> str:
    """The name that the server gave to a message, by its locator or fingerprint."""
    return word.partition(" ")[0]


def _is_found(row: Row) -> bool:
    """Whether the row may be found again at another locator."""
    return row.state in _FOUND and bool(row.sha256)


def _found_again(db: Connection, account: Account, doubt: Doubt, listed: Listed, content: str) -> bool:
    """Let lost rows of this message say where it is now: one, and those of services that pass it over.

    Returns whether there was one.
    """
    comparing = doubt.comparing
    if comparing is None:
        return False
    mine, passed = comparing.equal(content, listed.size)
    again = [(row, live_key(account, listed)) for row in mine[:1]]
    again += [(row, passed_key(account, listed, row.service)) for row in passed]
    for row, live in again:
        transitions.rekey(db, row.id, row.live, _whereabouts(live, listed), content)
        comparing.drop(row, content)
    return bool(mine)


def _displace(db: Connection, account: Account, row: Row) -> None:
    """There is another message at its locator now."""
    if row.state in DECIDED:
        transitions.retire(db, [row.id])
    else:
        transitions.displace(db, row.id, displaced_key(account, row.id))


def _whereabouts(live: str, listed: Listed) -> Whereabouts:
    return Whereabouts(live, listed.locator, listed.fingerprint, listed.size or 0)
