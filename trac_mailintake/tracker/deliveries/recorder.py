"""record: outcomes, each exactly once (docs/behaviour.md#steps, 4 to 6).

One transaction checks that the claims are still ours, and writes the ticket or comment, the rows of attachments with
their files linked into place, the Message-IDs, the outbox, and a mark that notifications are due. Any failure undoes it
all. There is no network, no decoding, no plugin and no folder to flush inside: others wait for the database meanwhile.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from trac.util.datefmt import from_utimestamp, to_utimestamp

from trac_mailintake.intake import reasons
from trac_mailintake.intake.arrival_time import arrival
from trac_mailintake.intake.errors import NoLongerMine, Stale
from trac_mailintake.intake.model import NewTicket, Status, Step
from trac_mailintake.intake.ports import Accepted, Recorded, Seen
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.mail.headers.authentication_results import author_proof
from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.tracker.db import turns
from trac_mailintake.tracker.db.durable import durable
from trac_mailintake.tracker.db.lease import Hold
from trac_mailintake.tracker.db.transaction import MINUTE, SECOND, chunks, key, marks, now, temporary, transaction
from trac_mailintake.tracker.db.turns import Turn
from trac_mailintake.tracker.deliveries.rows import passed_key, place, sender_key
from trac_mailintake.tracker.lifecycle import stored_reasons, transitions
from trac_mailintake.tracker.message_ids.copies import content_of, copies
from trac_mailintake.tracker.outgoing import enqueue, notify
from trac_mailintake.tracker.outgoing.smtp_time_budget import Patience
from trac_mailintake.tracker.people.account_creation import keep_promises
from trac_mailintake.tracker.people.newcomers import remember
from trac_mailintake.tracker.tickets import write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trac_mailintake.intake.model import Delivery, Outcome
    from trac_mailintake.intake.ports import Decision, Rules
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.message import Message
    from trac_mailintake.tracker.db.transaction import Connection
    from trac_mailintake.tracker.deliveries.session import Session
    from trac_mailintake.tracker.message_ids.known import Recall
    from trac_mailintake.tracker.people.contacts import Newcomer
    from trac_mailintake.tracker.tickets.stage_attachments import Staging
    from trac_mailintake.tracker.tickets.write import Filed, Locked

_OWED_AFTER: Final = Microseconds(5 * MINUTE)
"""After this time any worker sends a due notification, unless the worker that owes it is alive."""


class DatabaseRecorder:
    """The recorder of one worker, on Trac's database. Implements `ports.Recorder`."""

    def __init__(self, session: Session, staging: Staging, rules: Rules, recall: Recall) -> None:
        """`staging` has the attachments that `prepare` decoded; `rules` are notified of recorded outcomes."""
        self._session = session
        self._env = session.env
        self._worker = session.worker
        self._recall = recall
        self._staging = staging
        self._rules = rules
        self._patience = Patience()
        self._filed: dict[int, tuple[Filed, Accepted]] = {}
        self._known: dict[str, frozenset[str]] = {}
        """By mail (SHA-256) that is decided but not yet recorded: which of its ids were known at that time."""
        self._columns: dict[int, dict[str, object]] = {}
        """By delivery: what its row will say that does not depend on what is written before it."""

    # recall

    def seen(self, service: Service, message: Message) -> Seen | None:
        """See `ports.Recorder.seen`. Raises TemporaryFailure."""
        self._staging.begin(message)
        proved = bool(author_proof(message, service.authentication.authserv_ids))
        keys = copies(service.name, message, proved=proved)
        with temporary(self._env):
            rows = self._recall.begin(message, keys.own, *keys.others)
        self._known[message.sha256] = frozenset(row.hash for row in rows)
        return next((Seen(row.delivery or 0, row.ticket, proved) for row in rows if keys.has(row)), None)

    # record

    def record(self, decisions: Sequence[Decision]) -> list[Recorded]:
        """See `ports.Recorder.record`."""
        turn = Turn(self._env)
        self._columns = {each.delivery.id: self._of_decision(each) for each in decisions}
        accepted = [each.prepared for each in decisions if isinstance(each, Accepted)]
        with temporary(self._env):
            placement = self._staging.placement(write.enclosures(accepted))
        try:
            with durable(self._env, turn) as db:
                self._still_mine(db, decisions)
                self._not_overtaken(db, decisions)
                locked = write.lock(self._env, accepted)
                recorded, filed = self._write_in_time(db, decisions, locked, turn)
                self._remember_ids(db, decisions[: len(recorded)], recorded)
                turn.commit()
                placement.link(each.attached for each in filed)
        except BaseException:
            self._known.clear()
            placement.settle()
            raise
        finally:
            self._columns.clear()
            self._recall.changed()
        self._session.decided([each.delivery for each in recorded])
        self._keep_known(decisions[len(recorded) :])
        with temporary(self._env):
            placement.keep()
        return recorded

    def _keep_known(self, left: Sequence[Decision]) -> None:
        """Keep what is known of messages whose decisions are left for the next turn."""
        messages = {each.message.sha256 for each in left if each.message is not None}
        self._known = {each: known for each, known in self._known.items() if each in messages}

    def _write_in_time(
        self, db: Connection, decisions: Sequence[Decision], locked: Mapping[int, Locked], turn: Turn
    ) -> tuple[list[Recorded], list[Filed]]:
        """Write one decision after the other, until the time of this `turn` is used up."""
        tells = notify.tells(self._env)
        recorded: list[Recorded] = []
        filed: list[Filed] = []
        for decision in decisions:
            recorded.append(self._write(db, decision, filed, locked, tells=tells))
            if turn.used_up():
                break
        return recorded, filed

    def _still_mine(self, db: Connection, decisions: Sequence[Decision]) -> None:
        """Check and renew the claims. The first statement writes: it takes the write lock before anything is read."""
        holds = [Hold(each.delivery.id, self._worker.owner, each.delivery.fence) for each in decisions]
        if transitions.keep(db, holds) != len(decisions):
            raise NoLongerMine(", ".join(each.delivery.listed.locator for each in decisions))

    def _not_overtaken(self, db: Connection, decisions: Sequence[Decision]) -> None:
        """Raise Stale if the parent of a new ticket was filed meanwhile.

        Ids that were known at the decision led nowhere then, and do not count.
        """
        hashes = [
            hashed
            for each in decisions
            if isinstance(each, Accepted) and _starts_a_thread(each)
            for hashed in map(key, (*each.message.in_reply_to, *each.message.references))
            if hashed not in self._known.get(each.message.sha256, ())
        ]
        for some in chunks(hashes):
            if db(f"SELECT ticket FROM mailintake_message_id WHERE hash IN ({marks(some)}) LIMIT 1", some):
                raise Stale("A message that this one answers was filed meanwhile.")

    def _write(
        self,
        db: Connection,
        decision: Decision,
        filed: list[Filed],
        locked: Mapping[int, Locked],
        *,
        tells: bool,
    ) -> Recorded:
        """Write the change and the outgoing mail, and turn the claim into a row of the journal."""
        outcome = self._settled(decision)
        done: Filed | None = None
        acknowledged = False
        if isinstance(decision, Accepted):
            done = write.write(self._env, decision.prepared, from_utimestamp(now()), locked)
            filed.append(done)
            self._remember_sender(db, decision)
            outcome = replace(outcome, ticket=done.ticket, comment=done.comment)
            if acknowledged := enqueue.acknowledge(self._env, db, decision, done.ticket):
                done = replace(done, address="")
            self._filed[decision.delivery.id] = (done, decision)
        enqueue.enqueue(self._env, db, decision)
        self._journal(db, decision, outcome, done, tells=tells, acknowledged=acknowledged)
        return Recorded(decision.delivery, outcome)

    def _settled(self, decision: Decision) -> Outcome:
        """The outcome as it is recorded. Mail that left its mailbox cannot be left there for another service."""
        outcome = decision.outcome
        leaves = outcome.status is Status.IGNORED and reasons.rule(outcome.rule).leaves
        unlisted = decision.delivery.id in self._session.unlisted
        return replace(outcome, status=Status.HELD) if leaves and unlisted else outcome

    def _remember_sender(self, db: Connection, decision: Accepted) -> None:
        """Remember a newcomer (`createusers`)."""
        who = _newcomer(decision)
        if who is not None:
            remember(self._env, db, who, decision.delivery.id)

    def _journal(
        self,
        db: Connection,
        decision: Decision,
        outcome: Outcome,
        filed: Filed | None,
        *,
        tells: bool,
        acknowledged: bool,
    ) -> None:
        """Turn the claim into a row of the journal, with a notification due if that `tells` anybody.

        `acknowledged`: Trac's notification also goes to the sender, who is not a user.
        """
        values = {
            **self._columns[decision.delivery.id],
            **_of_filed(filed, tells=tells),
            "ticket": outcome.ticket,
            "comment": outcome.comment,
            "recorded": now(),
            "acknowledge": int(acknowledged),
        }
        transitions.record(db, decision.delivery.id, outcome.status, values)

    def _of_decision(self, decision: Decision) -> dict[str, object]:
        """The columns that are known before the transaction: others wait for the database while it lasts."""
        delivery = decision.delivery
        steps = decision.steps
        if delivery.refiled:
            steps = (Step.of("fetch", reasons.REFILED()), *steps)
        elif delivery.id in self._session.unlisted:
            steps = (Step.of("fetch", reasons.FROM_ARCHIVE()), *steps)
        return {
            **_of_outcome(decision, steps),
            **self._of_delivery(delivery),
            **_of_message(decision.message, proved=decision.proved),
            **_of_sender(decision),
            "counted": self._counted(delivery, decision.message),
        }

    def _of_delivery(self, delivery: Delivery) -> dict[str, object]:
        """The columns about the bytes of a mail."""
        if delivery.raw is None:  # it is too large for the archive
            nowhere = {"archive": None, "archive_offset": 0, "archive_length": 0, "content": None}
            return {**nowhere, "sha256": delivery.sha256}
        where = place(self._env, delivery, delivery.raw)
        return {
            "archive": where.archive,
            "archive_offset": where.offset,
            "archive_length": where.length,
            "sha256": where.sha256,
            "content": where.content,
        }

    def _counted(self, delivery: Delivery, message: Message | None) -> Microseconds:
        """When the mail arrived, for rates; 0 if it does not count."""
        if delivery.refiled or delivery.service in self._session.backlog:
            return Microseconds(0)
        return Microseconds(to_utimestamp(arrival(delivery.listed, message)))

    def _remember_ids(self, db: Connection, decisions: Sequence[Decision], recorded: Sequence[Recorded]) -> None:
        """Store every id of the filed mails, and the keys by which their copies are recognised."""
        values: list[object] = []
        for decision, each in zip(decisions, recorded, strict=True):
            if not isinstance(decision, Accepted):
                continue
            message = decision.message
            copy = copies(each.delivery.service, message, proved=decision.proved).own
            hashed = key(message.message_id) if message.message_id else copy
            content = each.delivery.content or content_of(message)
            values += (hashed, copy, 0, each.outcome.ticket, each.delivery.id, now(), content)
        if values:
            rows = ",".join(["(%s,%s,%s,%s,%s,%s,%s)"] * (len(values) // 7))
            db(
                "INSERT INTO mailintake_message_id (hash, copy, outgoing, ticket, delivery, recorded, content) "
                f"VALUES {rows}",
                values,
            )

    # after the commit

    def announce(self, recorded: Sequence[Recorded], service: Service) -> None:
        """See `ports.Recorder.announce`. Raises TemporaryFailure, never what a listener or a plugin raises."""
        told = []
        tells = notify.tells(self._env)
        ours = [(each, self._filed.pop(each.delivery.id)) for each in recorded if each.delivery.id in self._filed]
        if any(_newcomer(decision) for _, (_, decision) in ours):
            keep_promises(self._env)
        for each, (filed, decision) in ours:
            if tells:
                turns.rest(self._env)
            if notify.announce(self._env, filed, self._patience) and tells:
                told.append(each.delivery.id)
            self._tell_plugins(decision, each, service)
        self._told(told)
        self._recall.changed()

    def _tell_plugins(self, decision: Accepted, each: Recorded, service: Service) -> None:
        try:
            self._rules.recorded(decision.message, each.outcome, service, decision.prepared.change.sender)
        except Exception:  # already committed: a plugin's failure is only logged
            self._env.log.exception("A plugin failed in mailintake_recorded for delivery %s", each.delivery.id)

    def _told(self, ids: Sequence[int]) -> None:
        for some in chunks(ids):
            with transaction(self._env) as db:
                transitions.notified(db, some)

    def announce_owed(self) -> int:
        """Create the accounts and send the notifications that a crash left due. Returns the number of notifications.

        Raises TemporaryFailure.
        """
        keep_promises(self._env)
        with temporary(self._env):
            rows = self._env.db_query(
                "SELECT id, ticket, comment, filed, author, owner, recorded FROM mailintake_delivery "
                "WHERE notify=1 ORDER BY id"
            )
        told = []
        for row, ticket, comment, filed, author, owner, recorded in rows:
            alive = owner is not None and self._worker.alive(owner)
            if alive or (alive is None and recorded > now() - _OWED_AFTER):
                continue
            if self._patience.spend(
                partial(notify.renotify, self._env, ticket, comment, from_utimestamp(filed), author)
            ):
                told.append(row)
        self._told(told)
        return len(told)


def _of_outcome(decision: Decision, steps: Sequence[Step]) -> dict[str, object]:
    """The columns about what was decided, and why; nobody has been told of it yet."""
    outcome = decision.outcome
    values: dict[str, object] = {
        "rule": outcome.rule,
        "sender_told": 0,
        "admin_told": 0,
        **stored_reasons.columns(outcome, steps),
        "removed": decision.prepared.change.removed if isinstance(decision, Accepted) else "",
    }
    if outcome.status is Status.IGNORED and reasons.rule(outcome.rule).leaves:
        values["live"] = passed_key(decision.delivery.account, decision.delivery.listed, decision.delivery.service)
    return values


def _of_message(message: Message | None, *, proved: bool) -> dict[str, object]:
    """The columns about the message; None: it could not be read."""
    if message is None:
        return {"message_id": "", "subject": "", "sender": "", "sent": 0, "sender_key": "", "proved": 0}
    return {
        "message_id": message.message_id,
        "subject": message.subject,
        # They become involved in its ticket; none if its author is unknown.
        "sender": "" if message.disowned else ", ".join(author.spec for author in message.authors),
        "sent": int(message.date.timestamp() * SECOND) if message.date else 0,
        "sender_key": sender_key(message, proved=proved),
        "proved": int(proved),
    }


def _of_sender(decision: Decision) -> dict[str, object]:
    """The columns about who is involved in the ticket, if it is not the author: whoever wrote in a web form.

    Nothing proves them, although the form's own address is proved.
    """
    if not isinstance(decision, Accepted):
        return {}
    address = decision.prepared.change.sender.address
    known = {mailbox_key(author.spec) for author in decision.message.authors}
    return {"sender": address, "proved": 0} if address and mailbox_key(address) not in known else {}


def _of_filed(filed: Filed | None, *, tells: bool) -> dict[str, object]:
    """The columns about what was written into a ticket."""
    if filed is None:
        return {"filed": 0, "author": "", "notify": 0}
    return {"filed": to_utimestamp(filed.when), "author": filed.author, "notify": int(tells and not filed.quiet)}


def _newcomer(decision: Accepted) -> Newcomer | None:
    native = decision.prepared.native
    return native.newcomer if isinstance(native, write.Draft) else None


def _starts_a_thread(decision: Accepted) -> bool:
    """Whether the message becomes a new ticket because no message that it answers was known."""
    target = decision.prepared.change.target
    return isinstance(target, NewTicket) and target.related is None and not target.note
