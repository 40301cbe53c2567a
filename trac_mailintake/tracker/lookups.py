"""route: read-only lookups in Trac for rules; each costs at most one query."""

from __future__ import annotations

import hashlib
import re
import sys
from collections import deque
from typing import TYPE_CHECKING, Final

from trac.notification.api import NotificationSystem
from trac.perm import PermissionCache
from trac.resource import Resource
from trac.ticket.web_ui import TicketModule
from trac.util.datefmt import from_utimestamp, to_utimestamp

from trac_mailintake.intake.batching import GROUP
from trac_mailintake.intake.model import Filing
from trac_mailintake.intake.ports import KnownId, TicketFacts
from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.tracker.db.transaction import by_index, key, marks
from trac_mailintake.tracker.deliveries.rows import sender_key
from trac_mailintake.tracker.journal.filed_text import filed_mails
from trac_mailintake.tracker.message_ids.known import Recall
from trac_mailintake.tracker.options import LOOP_HEADER, PROBE_HEADER, SECTION
from trac_mailintake.tracker.people import reply_address
from trac_mailintake.tracker.people.own_addresses import caught_addresses, own_addresses

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from trac.env import Environment

    from trac_mailintake.intake.model import Delivery
    from trac_mailintake.intake.times import Microseconds
    from trac_mailintake.mail.message import Address, Message
    from trac_mailintake.tracker.message_ids.known import Known
    from trac_mailintake.tracker.people.directory import Directory
    from trac_mailintake.tracker.people.reply_address import Keys

_CLOSED: Final = "closed"
_TRAC_ID: Final = re.compile(r"<([0-9]{3,5})\.([0-9a-f]{32,128})@[^<>\s]+>\Z")
_ROOTS: Final = 20_000
"""Number of the newest tickets for which the root id is computed."""
_BARE: Final = re.compile(r"<([^<>\s]+@[^<>\s]+)>\Z")
_NAMES: Final = re.compile(r"[;,\s]+")


class TracReader:
    """Implements `ports.Reader`. Keep it for a round: the keys of the reply addresses are read once."""

    def __init__(self, env: Environment, directory: Directory, recall: Recall | None = None) -> None:
        self.env = env
        self._recall = recall or Recall(env)
        self.directory = directory
        self._keys: Keys | None = None
        self._keeps_lines: bool | None = None
        self._decided: deque[tuple[int, str, Microseconds]] = deque(maxlen=2 * GROUP)
        """The last deliveries that were asked about: id, key of the sender, arrival. Some are not yet recorded."""

    @property
    def keys(self) -> Keys:
        """The keys of signed reply addresses."""
        if self._keys is None:
            self._keys = reply_address.known_keys(self.env)
        return self._keys

    def ticket(self, number: int) -> TicketFacts | None:
        """See `ports.Reader.ticket`."""
        if not 0 < number < 1 << 31:
            return None
        # Also senders of mail filed there: with `reporterusername` the ticket itself does not name them.
        rows = self.env.db_query(
            "SELECT t.summary, t.status, t.reporter, t.owner, t.cc, p.who, p.mailed FROM ticket t LEFT JOIN ("
            "SELECT author AS who, 0 AS mailed FROM ticket_change WHERE ticket=%s UNION SELECT sender, 1 "
            "FROM mailintake_delivery WHERE ticket=%s AND state IN ('created', 'commented')"
            ") p ON 1=1 WHERE t.id=%s",
            (number, number, number),
        )
        if not rows:
            return None
        summary, status, reporter, owner, cc, *_ = rows[0]
        people = [reporter, owner, *_NAMES.split(cc or "")]
        for *_, who, mailed in rows:
            # A name that a stranger enters in the web form is one name, whatever it looks like.
            people += _NAMES.split(who or "") if mailed else [who]
        return TicketFacts(number, summary or "", status or "", status == _CLOSED, self._involved(people))

    def _involved(self, people: Iterable[str | None]) -> frozenset[str]:
        """Usernames and addresses (`mailbox_key`) of the people that a ticket names in whatever form."""
        written = [person.strip() for person in people if person and person.strip()]
        bare = [match[1] for match in map(_BARE.search, written) if match]
        named = frozenset(map(mailbox_key, (*written, *bare)))
        return (named | self.directory.addresses(named)) - {"anonymous"}

    def known_ids(self, message_ids: Iterable[str]) -> dict[str, KnownId]:
        """See `ports.Reader.known_ids`. Filed mail cannot take over an id that Trac sent."""
        by_hash = {key(each): each for each in message_ids}
        rows: dict[str, list[Known]] = {}
        for row in self._recall.known(by_hash):
            if row.ticket is not None:
                rows.setdefault(row.hash, []).append(row)
        return {by_hash[hashed]: self._what_is_known(by_hash[hashed], found) for hashed, found in rows.items()}

    def _what_is_known(self, message_id: str, rows: Sequence[Known]) -> KnownId:
        """The KnownId for the rows of one id, which are sorted from the oldest on."""
        sent = [row.ticket for row in rows if row.outgoing and row.ticket]
        if sent:
            return KnownId(message_id, sent[-1], outgoing=True)
        tickets = [row.ticket or 0 for row in rows]
        contested = len({*tickets}) > 1 or self._recall.crowded(rows[0].hash)
        return KnownId(message_id, tickets[0], outgoing=False, contested=contested)

    def filings(self, message_ids: Iterable[str]) -> list[Filing]:
        """See `ports.Reader.filings`."""
        by_hash = {key(each): each for each in message_ids}
        rows = [(row.delivery, row) for row in self._recall.known(by_hash) if row.delivery and not row.outgoing]
        mails = filed_mails(self.env, [delivery for delivery, _ in rows])
        return [
            Filing(by_hash[row.hash], row.ticket, *mails[delivery], from_utimestamp(row.recorded or 0))
            for delivery, row in rows
            if row.ticket is not None and delivery in mails
        ]

    def root_ticket(self, message_ids: Sequence[str]) -> int | None:
        """See `ports.Reader.root_ticket`: compares the ids with those that Trac would now compute for a ticket.

        Trac's root id is `<LENGTH.HASH@host>`, with the hash of `project_url.%08d(ticket).0.reporter`. It cannot be
        reversed, but it can be computed for each ticket; LENGTH restricts this to reporters with names of that length.
        It is found only as long as project URL, reporter and [notification] message_id_hash are unchanged.
        """
        wanted = _root_ids(message_ids)
        hash_type = NotificationSystem(self.env).message_id_hash
        if not wanted or hash_type not in hashlib.algorithms_available:
            return None
        lengths = {length for length, _ in wanted}
        found = {}
        newest = self.env.db_query("SELECT id, reporter FROM ticket ORDER BY id DESC LIMIT %s", (_ROOTS,))
        for number, reporter in newest:
            source = _root_source(self.env.project_url, number, reporter or "")
            if len(source) in lengths:
                found[len(source), hashlib.new(hash_type, source).hexdigest()] = number
        return next((found[each] for each in wanted if each in found), None)

    def signed_ticket(self, recipients: Iterable[Address]) -> int | None:
        """See `ports.Reader.signed_ticket`."""
        return reply_address.signed_ticket(self.keys, self.delimiter(), recipients)

    def own_loop(self, message: Message) -> str | None:
        """See `ports.Reader.own_loop`."""
        given = message.get_all(LOOP_HEADER)
        if any(value.strip() in self.keys.loop() for value in given):
            return f"its {LOOP_HEADER} says that this environment sent it"
        sent = message.message_id and self.known_ids([message.message_id]).get(message.message_id)
        if sent and sent.outgoing:
            return f"this environment sent {message.message_id}, for ticket #{sent.ticket}"
        return None

    def own_probe(self, message: Message) -> str:
        """See `ports.Reader.own_probe`."""
        return next((token for value in message.get_all(PROBE_HEADER) if (token := self.keys.vouched(value))), "")

    def may(self, username: str, action: str, ticket: int | None = None) -> bool:
        """See `ports.Reader.may`."""
        resource = Resource("ticket", ticket) if ticket is not None else None
        return PermissionCache(self.env, username, resource).has_permission(action, resource)

    def username(self, address: Address) -> str:
        """See `ports.Reader.username`."""
        return self.directory.user(address.spec)[0]

    def mails_of_sender(
        self,
        message: Message,
        delivery: Delivery,
        since: datetime,
        until: datetime,
        most: int = sys.maxsize,
        *,
        proved: bool = False,
    ) -> int:
        """See `ports.Reader.mails_of_sender`."""
        sender, first, last = sender_key(message, proved=proved), to_utimestamp(since), to_utimestamp(until)
        others = {
            number
            for number, who, arrived in self._decided
            if who == sender and first < arrived <= last and number != delivery.id
        }
        if delivery.id:
            self._decided.append((delivery.id, sender, last))
        passed = [delivery.id, *others]
        rows = self.env.db_query(
            "SELECT COUNT(*) FROM (SELECT id FROM mailintake_delivery "
            f"WHERE sender_key=%s AND counted>%s AND counted<=%s AND id NOT IN ({marks(passed)}) "
            f"{by_index(self.env, 'counted')} LIMIT %s) known",
            (sender, first, last, *passed, most),
        )
        return min(len(others) + int(rows[0][0]), most)

    def mails_for_ticket(self, ticket: int, since: datetime, until: datetime, *, proved: bool = False) -> int:
        """See `ports.Reader.mails_for_ticket`."""
        rows = self.env.db_query(
            "SELECT COUNT(*) FROM mailintake_delivery WHERE ticket=%s AND counted>%s AND counted<=%s "
            "AND COALESCE(proved, %s)=%s AND state IN ('created', 'commented')",
            (ticket, to_utimestamp(since), to_utimestamp(until), int(proved), int(proved)),
        )
        return int(rows[0][0])

    def project_key(self) -> str:
        """See `ports.Reader.project_key`: `[mailintake] project_key`."""
        return str(self.env.config.get(SECTION, "project_key")).strip()

    def project_name(self) -> str:
        """See `ports.Reader.project_name`."""
        return str(self.env.project_name)

    def keeps_lines(self) -> bool:
        """See `ports.Reader.keeps_lines`."""
        if self._keeps_lines is None:
            self._keeps_lines = bool(TicketModule(self.env).must_preserve_newlines)
        return self._keeps_lines

    def caught(self) -> frozenset[str]:
        """See `ports.Reader.caught`."""
        return caught_addresses(self.env)

    def own_addresses(self) -> frozenset[str]:
        """See `ports.Reader.own_addresses`."""
        return own_addresses(self.env)

    def delimiter(self) -> str:
        """See `ports.Reader.delimiter`: `[mailintake] recipient_delimiter`."""
        return reply_address.delimiter(self.env)


def _root_ids(message_ids: Iterable[str]) -> list[tuple[int, str]]:
    """Length and hash of the ids that look like those of Trac's first mails."""
    return [(int(match[1]), match[2]) for match in map(_TRAC_ID.match, message_ids) if match]


def _root_source(project_url: str, ticket: int, reporter: str) -> bytes:
    """What Trac hashes for the Message-ID of the first mail about a ticket (`trac.ticket.notification`)."""
    return b"%s.%08d.0.%s" % (project_url.encode("utf-8"), ticket, reporter.encode("ascii", "ignore"))
