"""A history: events at random, a round after each few, and what must hold then and in the end.

- Each mail is decided at most once, whatever its server does, and mail from before the start (`start=now`) never is.
- Whatever is listed and undecided waits with a reason that somebody is told: by its row, or by the round.
- Once the server has recovered and enough time has passed, each mail that nobody removed was decided, and its copy is
  gone if the service deletes. Only what may be from before the start is still held, until an administrator says so.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Final

from tests.histories.server import Mail, Server, ServerSource
from trac_mailintake.intake.model import Afterwards
from trac_mailintake.intake.stages.claim import Bounds
from trac_mailintake.tracker.db.transaction import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from tests.rig import Rig
    from trac_mailintake.intake.report import Report

TABLES: Final = (
    *("mailintake_delivery", "mailintake_mailbox", "mailintake_message_id", "mailintake_outbox"),
    *("ticket", "ticket_change", "ticket_custom"),
)
COLUMNS: Final = ("retry_at", "blamed_since", "recorded", "consumed", "seen")
SERVICES: Final = ("support", "sales")


class History:
    """One, as its seed says."""

    def __init__(self, rig: Rig, seed: int) -> None:
        """`rig` has the services `SERVICES` on one mailbox."""
        self.rig = rig
        self.chance = random.Random(seed)  # noqa: S311 - test data, not secrets
        self.server = Server(numbers=self.chance.random() < 0.75)
        self.afterwards = self.chance.choice((Afterwards.LEAVE, Afterwards.DELETE))
        self.start = self.chance.choice(("all", "now")) if self.server.numbers else "all"
        self.mails: list[Mail] = []
        self.removed: set[int] = set()
        self.log: list[str] = [f"{self.server.numbers=} {self.afterwards} start={self.start}"]
        self.problems: list[str] = []

    def run(self) -> list[str]:
        """All of it. Returns what is wrong, with what happened before."""
        self._empty()
        for _ in range(self.chance.randrange(6)):
            self._deliver(old=self.start == "now")
        self._round()
        for _ in range(self.chance.randrange(3, 12)):
            for _ in range(self.chance.randrange(4)):
                self._event()
            self._round(limit=self.chance.choice((None, None, None, 1, 2)))
            if self.problems:
                return [*self.log, *self.problems]
        self._end()
        return [*self.log, *self.problems] if self.problems else []

    def _empty(self) -> None:
        with self.rig.trac.env.db_transaction as db:
            for table in TABLES:
                db(f"DELETE FROM {table}")  # names of ours
            db("UPDATE mailintake_service SET last_success=0, enabled=CASE name WHEN 'support' THEN 1 ELSE 0 END")
            db("UPDATE mailintake_service SET start=%s, afterwards=%s", (self.start, self.afterwards.value))

    # what happens

    def _event(self) -> None:
        events = [self._deliver, self._deliver, self._spoil, self._spoil, self._mend, self._fail, self._recover]
        events += [self._write, self._remove, self._hand_over, self._wait]
        events += [self._renumber] * 2 if self.server.numbers else [self._reuse]
        event = self.chance.choice(events)
        self.log.append(event.__name__)
        event()

    def _deliver(self, *, old: bool = False, name: str = "") -> None:
        number = len(self.mails) + 1
        identity = [f"Message-ID: <{number}@example.com>"] if self.chance.random() < 0.5 else []
        head = ["From: Ann <ann@example.com>", f"Subject: Mail {number}", *identity]
        body = "x" * (number * 7 if name else self.chance.choice((10, 10, 500)))
        content = ("\r\n".join([*head, "", body]) + "\r\n").encode()
        mail = Mail(number, content, number + (number % 3 == 0), old)
        self.mails.append(mail)
        self.server.put(mail, name)

    def _reuse(self) -> None:
        """A name is given again, to a mail of another size."""
        if self.server.free:
            self._deliver(name=self.server.free.pop())

    def _spoil(self) -> None:
        if self.server.mails:
            mail = self.chance.choice([*self.server.mails.values()])
            mail.how = self.chance.choice(("refused", "busy", "breaking"))
            self.log.append(f"  {mail.subject} {mail.how}")

    def _mend(self) -> None:
        for each in self.server.mails.values():
            each.how = ""

    def _fail(self) -> None:
        self.server.state = self.chance.choice(("down", "refusing", "breaking"))
        self.log.append(f"  {self.server.state}")

    def _recover(self) -> None:
        self.server.state = ""

    def _renumber(self) -> None:
        self.server.renumber()

    def _write(self) -> None:
        self.server.write(self.chance.choice(("O", "RO", "ROD")))

    def _remove(self) -> None:
        if self.server.mails:
            name = self.chance.choice([*self.server.mails])
            self.removed.add(self.server.mails[name].number)
            self.log.append(f"  {self.server.mails[name].subject}")
            self.server.remove(name)

    def _hand_over(self) -> None:
        """The other service is enabled instead. What is passed over is so by each for itself: then only one may be."""
        if self.start == "all":
            with self.rig.trac.env.db_transaction as db:
                db("UPDATE mailintake_service SET enabled=1-enabled")

    def _wait(self) -> None:
        self._pass(self.chance.choice((MINUTE, HOUR, DAY, 2 * DAY)))

    def _pass(self, span: int) -> None:
        with self.rig.trac.env.db_transaction as db:
            for column in COLUMNS:
                db(f"UPDATE mailintake_delivery SET {column}={column}-%s WHERE {column}>0", (span,))

    def _round(self, limit: int | None = None) -> None:
        self._pass(MINUTE + 1)
        [[name]] = self.rig.trac.query("SELECT name FROM mailintake_service WHERE enabled=1")
        with self.rig.worker() as assembly:
            assembly.recovery.sweep()
            service = assembly.settings.services.get(str(name))
            report = assembly.spine.run(service, ServerSource(self.server, self.afterwards), Bounds(limit))
            if not report.error:
                assembly.settings.services.finish(service.name, error="", result="")
        self.log.append(f"round of {name}: {+report.counts} {report.error}; {report.doubtful}")
        self._check(report, told=limit is not None)

    # what must hold

    def _check(self, report: Report, *, told: bool) -> None:
        """`told`: the round stopped early, as somebody wanted it."""
        decided = self._decided()
        for each in self.mails:
            if decided[each.subject] > (0 if each.old else 1):
                self.problems.append(f"{each.subject} was decided {decided[each.subject]} times, old: {each.old}")
        if not (told or report.error or report.down or report.doubtful):
            self.problems += self._silent(decided)

    def _silent(self, decided: Counter[str]) -> list[str]:
        known = {str(locator) for (locator,) in self.rig.trac.query(_TOLD)}
        there = self.server.listed()
        quiet = [mail for name, mail in self.server.mails.items() if there[name].locator not in known]
        return [f"{each.subject} is silent" for each in quiet if not decided[each.subject]]

    def _decided(self) -> Counter[str]:
        sql = (
            "SELECT subject FROM mailintake_delivery WHERE subject<>'' AND state IN ('created','duplicate','commented')"
        )
        return Counter(str(subject) for (subject,) in self.rig.trac.query(sql))

    def _end(self) -> None:
        self._mend()
        self._recover()
        self.log.append("the end")
        for _ in range(4):
            self._pass(DAY)
            self._round()
        unsure = {str(locator) for (locator,) in self.rig.trac.query(_UNSURE)}
        there = self.server.listed()
        waiting = {mail.number for name, mail in self.server.mails.items() if there[name].locator in unsure}
        waiting |= {each.number for each in self.mails if each.old}
        decided = self._decided()
        done = [each for each in self.mails if each.number not in waiting | self.removed]
        self.problems += [f"{each.subject} was lost" for each in done if not decided[each.subject]]
        if self.afterwards is Afterwards.DELETE:
            left = [each.subject for each in self.server.mails.values() if each.number not in waiting]
            self.problems += [f"{each} was left" for each in left]
        self.problems += [f"undecided: {state} {locator}" for state, locator in self.rig.trac.query(_UNDECIDED)]


_TOLD: Final = """
    SELECT locator FROM mailintake_delivery WHERE live IS NOT NULL AND (
    state='deferred' AND failure<>'' OR state='held' AND reason<>'' OR state='ignored' AND rule='start')"""
"""The locators of mail that waits for a reason, or is passed over."""

_DECIDED: Final = """
    SELECT subject FROM mailintake_delivery WHERE subject<>'' AND state IN ('created','duplicate','commented')"""
_UNDECIDED: Final = """
    SELECT state, locator FROM mailintake_delivery
    WHERE state IN ('held','deferred','free','claimed','sealed') AND COALESCE(rule, '')<>'start-unsure'"""
_UNSURE: Final = "SELECT locator FROM mailintake_delivery WHERE state='held' AND rule='start-unsure'"
