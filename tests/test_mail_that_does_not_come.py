"""What a server lists and does not deliver: deferred in its words, held, filed when it comes; its neighbours at once.

The servers do what real ones were seen to do; nobody waits here: the stored times are moved instead of the clock.
"""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from tests.rig import Remote, mail
from tests.sources import scripted
from tests.sources.bent import WHOLES, Bend, BentServer
from trac_mailintake.intake.model import Status
from trac_mailintake.tracker.db.transaction import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.servers.tracenv import TracEnv
    from tests.sources.bent import Answer

COLUMNS: Final = ("retry_at", "blamed_since", "recorded", "seen")


class Kind(NamedTuple):
    """A way not to deliver a mail: what IMAP answers to a FETCH, or POP3 to RETR; what the journal says of it.

    `counts`: whether it is held in the end.
    """

    protocol: str
    answer: object
    words: str
    counts: bool = True


def _wired(content: bytes) -> bytes:
    """With the line ends of the protocol, by which the end of a mail is found."""
    return content.replace(b"\n", b"\r\n")


def _drop(_: memoryview) -> Answer:
    return b"* BYE Internal error"


KINDS: Final = {
    "NO": Kind("imap", WHOLES["refused"], "FETCH: server error"),
    "BAD": Kind("imap", WHOLES["misunderstood"], "Command Error. 10"),
    "NIL": Kind("imap", WHOLES["nil"], "the server gave nothing for it"),
    "left out": Kind("imap", WHOLES["left out"], "the server gave nothing for it"),
    "BYE": Kind("imap", _drop, "the server ended the session (Internal error)"),
    "line dropped": Kind("imap", None, "the server dropped the line"),
    "unavailable": Kind("imap", lambda _: b"NO [UNAVAILABLE] later", "[UNAVAILABLE] later", counts=False),
    "in use": Kind("imap", lambda _: b"NO [INUSE] later", "[INUSE] later", counts=False),
    "limit": Kind("imap", lambda _: b"NO [LIMIT] later", "[LIMIT] later", counts=False),
    "-ERR": Kind("pop3", b"-ERR cannot open it\r\n", "-ERR cannot open it"),
    "-ERR SYS/TEMP": Kind("pop3", b"-ERR [SYS/TEMP] later\r\n", "-ERR [SYS/TEMP] later", counts=False),
    "RETR dropped": Kind("pop3", None, "the server dropped the line"),
}


class Box:
    """A mailbox on a server that does not deliver the mail number `bad`, 0 for all that there are."""

    def __init__(self, kind: Kind, mails: list[bytes], bad: int) -> None:
        self.kind = kind
        self.numbers = itertools.count(len(mails) + 1)
        self.pop3 = {f"u{number}": _wired(content) for number, content in enumerate(mails, 1)}
        self.withheld: dict[str, bytes | None] = {}
        self.server: BentServer | scripted.ScriptedServer
        if kind.protocol == "pop3":
            self.server = scripted.pop3(self.pop3, withheld=self.withheld)
        else:
            self.server = BentServer(mails, Bend(), {})
        self.withhold([bad] if bad else range(1, len(mails) + 1))

    def _bend(self) -> Bend:
        if self.kind.answer is None:
            return Bend(cut=80)
        return Bend(whole=self.kind.answer)  # type: ignore[arg-type]  # of IMAP

    def withhold(self, numbers: Iterable[int]) -> None:
        """It does not deliver these."""
        self.withheld.clear()
        self.withheld |= dict.fromkeys((f"u{number}" for number in numbers), self.kind.answer)  # type: ignore[arg-type]  # of POP3
        if isinstance(self.server, BentServer):
            self.server.bends = dict.fromkeys(numbers, self._bend())

    def put(self, content: bytes) -> None:
        """Another mail comes."""
        number = next(self.numbers)
        self.pop3[f"u{number}"] = _wired(content)
        if isinstance(self.server, BentServer):
            self.server.folders[b"INBOX"][number] = content

    @property
    def there(self) -> list[bytes]:
        """What lies there."""
        if isinstance(self.server, BentServer):
            return [*self.server.folders[b"INBOX"].values()]
        return [content.replace(b"\r\n", b"\n") for content in self.pop3.values()]

    def mend(self) -> None:
        """From now on it delivers all."""
        self.withheld.clear()
        if isinstance(self.server, BentServer):
            self.server.bends = {}


@contextmanager
def box(name: str, mails: list[bytes], bad: int = 0) -> Iterator[Box]:
    """Such a mailbox, with its server running."""
    made = Box(KINDS[name], mails, bad)
    with made.server:
        yield made


def pass_time(trac: TracEnv, span: int) -> None:
    """All that is remembered of mail was so much earlier."""
    with trac.env.db_transaction as db:
        for column in COLUMNS:
            db(f"UPDATE mailintake_delivery SET {column}={column}-%s WHERE {column}>0", (span,))


def states(trac: TracEnv) -> dict[str, int]:
    """How many rows are in which state."""
    rows = trac.query("SELECT state, COUNT(*) FROM mailintake_delivery GROUP BY state")
    return {str(state): int(str(number)) for state, number in rows}


def created(trac: TracEnv, summary: str) -> bool:
    """Whether there is such a ticket."""
    return bool(trac.query(f"SELECT id FROM ticket WHERE summary='{summary}'"))


@pytest.mark.parametrize("name", KINDS)
def test_a_mail_that_never_comes_costs_only_itself(sqlite_env: TracEnv, name: str) -> None:
    """Its neighbours are filed in the first round, new mail in each. It is held in time, and filed when it comes."""
    kind = KINDS[name]
    mails = [mail(f"Mail {number}") for number in range(7)]
    with box(name, mails, bad=3) as post:
        rig = Remote(sqlite_env, kind.protocol, post.server.port, rate_sender="0")
        report = rig.run()
        assert (report.error, report.down) == ("", "")
        assert report.counts == {Status.CREATED: 6, Status.DEFERRED: 1}
        assert post.there == [mails[2]]
        [entry] = [row for row in rig.journal() if row["outcome"] is None]
        assert kind.words in entry["failure"]
        assert kind.words in report.deferred[0].reason
        held = 0
        for number in range(8):
            pass_time(sqlite_env, DAY // 4 + MINUTE)
            post.put(mail(f"Later {number}"))
            report = rig.run()
            assert (report.error, report.counts[Status.CREATED]) == ("", 1)
            assert post.there == [mails[2]]
            held += report.counts[Status.HELD]
        assert states(sqlite_env) == {"created": 14, "held" if kind.counts else "deferred": 1}
        assert (held > 0) is kind.counts
        [entry] = [row for row in rig.journal() if row["state"] != "created"]
        assert entry["rule"] == ("unreadable" if kind.counts else None)
        assert kind.words in str(entry["reason"] if kind.counts else entry["failure"])
        post.mend()
        assert rig.run().counts == {}
        pass_time(sqlite_env, DAY + MINUTE)
        assert rig.run().counts == {Status.CREATED: 1}
        assert post.there == []
        assert states(sqlite_env) == {"created": 15}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["NO", "BYE", "-ERR"])
def test_an_hour_of_outage_holds_nothing(sqlite_env: TracEnv, name: str) -> None:
    """5,000 mails are listed, and none is delivered: each round fails, says why, and ends soon. Then all come."""
    kind = KINDS[name]
    content = [mail(f"Mail {number}") for number in range(5000)]
    with box(name, content) as post:
        rig = Remote(sqlite_env, kind.protocol, post.server.port, rate_sender="0", afterwards="leave")
        for _ in range(6):
            post.server.heard.clear()
            report = rig.run()
            assert kind.words in report.error
            assert len(post.server.heard) < 100
            pass_time(sqlite_env, HOUR // 6)
        assert states(sqlite_env).keys() <= {"deferred", "free"}
        assert sqlite_env.query("SELECT MAX(blamed) FROM mailintake_delivery") == [(0,)]
        post.mend()
        pass_time(sqlite_env, HOUR)
        assert rig.run(limit=400).counts == {Status.CREATED: 400}


@pytest.mark.parametrize("name", ["NO", "BYE", "-ERR"])
def test_ten_bad_mails_do_not_keep_new_mail_waiting(sqlite_env: TracEnv, name: str) -> None:
    """They lie before it. Once each was asked for, it comes first; they are held, though only three fail in a row."""
    kind = KINDS[name]
    with box(name, [mail(f"Bad {number}") for number in range(10)]) as post:
        rig = Remote(sqlite_env, kind.protocol, post.server.port, rate_sender="0")
        for _ in range(5):
            rig.run()
            pass_time(sqlite_env, MINUTE)
        for number in range(40):
            pass_time(sqlite_env, HOUR + MINUTE)
            post.put(mail(f"Good {number}"))
            report = rig.run()
            assert (report.error, report.counts[Status.CREATED]) == ("", 1), number
        assert states(sqlite_env)["held"] == 10


@pytest.mark.parametrize("name", ["NO", "-ERR", "RETR dropped", "in use"])
@pytest.mark.parametrize("bad", [1, 40])
def test_a_reply_waits_for_the_first_retry_of_mail_that_does_not_come(sqlite_env: TracEnv, name: str, bad: int) -> None:
    """Such a mail may be what it answers. It waits a minute for one, and a quarter of an hour for many; not a day."""
    kind = KINDS[name]
    mails = [*(mail(f"Bad {number}") for number in range(bad)), mail("Fine")]
    with box(name, mails) as post:
        post.withhold(range(1, bad + 1))
        rig = Remote(sqlite_env, kind.protocol, post.server.port, rate_sender="0")
        rig.run()
        post.put(mail("Re: Unknown", "In-Reply-To: <elsewhere@example.net>"))
        rig.run()
        waited = 0
        while not (answer := created(sqlite_env, "Re: Unknown")) and waited < 20:
            assert "It may answer a mail that is not decided yet." in {row["failure"] for row in rig.journal()}
            pass_time(sqlite_env, MINUTE + 1)
            rig.run()
            waited += 1
        assert answer
        assert waited <= (1 if bad == 1 else 16)
