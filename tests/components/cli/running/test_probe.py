"""A mail that mail intake sends to itself: through a real SMTP server into a real mailbox, and out again."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.components.mails import mail
from tests.servers.dovecot import PASSWORD
from tests.servers.required import running
from tests.servers.smtp_sink import SmtpSink
from trac_mailintake.tracker.people.reply_address import load_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiosmtpd.smtp import SMTP, Envelope, Session

    from tests.servers.dovecot import Dovecot
    from tests.servers.tracenv import Finished, TracEnv


class PostOffice(SmtpSink):
    """An SMTP server that delivers into a mailbox of Dovecot's; unless it `loses` what it took."""

    def __init__(self, dovecot: Dovecot, user: str) -> None:
        super().__init__()
        self.dovecot = dovecot
        self.user = user
        self.loses = False

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """Deliver what is taken."""
        answer = await super().handle_DATA(server, session, envelope)
        if answer.startswith("2") and not self.loses:
            self.dovecot.deliver(self.user, self.sent[-1].content)
        return answer


@pytest.fixture
def office(dovecot: Dovecot, sqlite_env: TracEnv) -> Iterator[PostOffice]:
    """The way of mail, from Trac's outgoing server to the mailbox of the service `support`."""
    user = dovecot.add_user()
    with running(PostOffice(dovecot, user)) as made:
        sqlite_env.notify_through(made)
        sqlite_env.grant("anonymous", "TICKET_CREATE")
        words = (f"host={dovecot.host}", f"port={dovecot.imaps}", f"username={user}", f"password={PASSWORD}")
        assert (
            sqlite_env.command("mailintake", "server", "add", "main", *words, f"ca_file={dovecot.authority}").status
            == 0
        )
        settings = ("kind=imap", "server=main", "address=support@example.org", "afterwards=delete")
        assert sqlite_env.command("mailintake", "service", "add", "support", *settings).status == 0
        yield made


def probe(trac: TracEnv, *words: str) -> Finished:
    """The command."""
    return trac.command("mailintake", "probe", "support", *words)


def journal(trac: TracEnv) -> list[tuple[object, ...]]:
    """Outcomes, rules and tickets."""
    return trac.query("SELECT state, rule, ticket FROM mailintake_delivery ORDER BY id")


def test_a_probe_comes_round_and_leaves_nothing_behind(
    office: PostOffice, sqlite_env: TracEnv, dovecot: Dovecot
) -> None:
    """Each step with its seconds; no ticket, no mail in the mailbox; a line in the journal."""
    done = probe(sqlite_env)
    assert done.status == 0, done.out + done.err
    pattern = r" *\d+\.\d\d s  ([a-z ]+): (.*)"
    steps = [re.fullmatch(pattern, line) for line in done.out.splitlines()]
    assert [step and step[1] for step in steps] == ["accepted", "in the mailbox", "taken", "disposed of"]
    assert "for support@example.org" in done.out
    assert "deleted from the mailbox" in done.out
    assert journal(sqlite_env) == [("discarded", "probe", None)]
    assert sqlite_env.tickets() == []
    assert dovecot.stored(office.user) == []
    assert sqlite_env.command("mailintake", "status").status == 0


def test_other_mail_of_the_mailbox_is_taken_as_ever(office: PostOffice, sqlite_env: TracEnv, dovecot: Dovecot) -> None:
    """The round that takes the probe is a round like any other."""
    dovecot.deliver(office.user, mail())
    assert probe(sqlite_env).status == 0
    assert [ticket["summary"] for ticket in sqlite_env.tickets()] == ["The printer smokes"]


def test_no_rule_keeps_a_probe(office: PostOffice, sqlite_env: TracEnv) -> None:
    """Neither who may write, nor what counts as automatic, nor whose mail it is; and to another address, too."""
    del office
    wanted = ("allow=nobody@example.org", "catchemail=other@example.org", "bulk=hold", "afterwards=seen")
    assert sqlite_env.command("mailintake", "service", "set", "support", *wanted).status == 0
    done = probe(sqlite_env, "--to", "help@example.org", "--json")
    assert done.status == 0, done.out
    said = json.loads(done.out)
    assert said["well"] is True
    assert [each["step"] for each in said["steps"]] == ["accepted", "in the mailbox", "taken", "disposed of"]
    assert "help@example.org" in said["steps"][0]["said"]
    assert "marked as seen" in said["steps"][-1]["said"]
    assert journal(sqlite_env) == [("discarded", "probe", None)]


@pytest.mark.parametrize("value", ["1234.5678", "", ".", "1234." + "0" * 64, "1234", "é.é", "{token}.{other}"])
def test_a_forged_probe_is_a_mail_like_any_other(
    office: PostOffice, sqlite_env: TracEnv, dovecot: Dovecot, value: str
) -> None:
    """Only this environment's signature, of this very token, counts."""
    value = value.format(token="1" * 20, other=load_keys(sqlite_env.env).vouch("2" * 20))
    dovecot.deliver(office.user, mail(more=f"X-Mailintake-Probe: {value}\n"))
    assert sqlite_env.command("mailintake", "run", "--force").status == 0
    assert len(sqlite_env.tickets()) == 1


def test_it_waits_for_the_run_of_cron(office: PostOffice, sqlite_env: TracEnv) -> None:
    """With --wait it runs nothing itself."""
    waiting = sqlite_env.start("mailintake", "probe", "support", "--wait", "30")
    try:
        office.wait_for(1)
        assert sqlite_env.command("mailintake", "run", "--force").status == 0
        out, err = waiting.communicate(timeout=30)
    finally:
        waiting.kill()
    assert waiting.returncode == 0, err
    assert b"disposed of" in out
    assert b"in the mailbox:" not in out


def test_a_probe_that_is_lost_ends_with_three(office: PostOffice, sqlite_env: TracEnv) -> None:
    """After the seconds that it was waited for."""
    office.loses = True
    done = probe(sqlite_env, "--wait", "2")
    assert (done.status, "It did not come" in done.out) == (3, True)


def test_what_the_outgoing_server_says_is_told(office: PostOffice, sqlite_env: TracEnv) -> None:
    """It refused: nothing is waited for."""
    office.answer = "554 we do not like it"
    done = probe(sqlite_env)
    assert done.status == 3
    assert "The outgoing server did not take it" in done.out
    assert "we do not like it" in done.out
    assert PASSWORD not in done.out


def test_nothing_is_sent_when_the_mailbox_cannot_be_reached(office: PostOffice, sqlite_env: TracEnv) -> None:
    """A probe that nobody would take would only lie there."""
    sqlite_env.command("mailintake", "server", "set", "main", "password=wrong")
    done = probe(sqlite_env)
    assert (done.status, "nothing was sent" in done.out) == (3, True)
    assert office.sent == []


@pytest.mark.parametrize(
    ("words", "options", "said"),
    [
        (("unknown",), (), "service=unknown: not allowed"),
        (("support", "--to", "nowhere"), (), "--to=nowhere: not allowed"),
        (("support", "--wait", "long"), (), "--wait=long: not allowed"),
        (("off",), (), "The service off is disabled"),
        (("plain",), (), "--to=: not allowed"),
        (("support",), (("notification", "smtp_enabled", "disabled"),), "Sending is off"),
        (("support",), (("mailintake", "fetch", "disabled"),), "Nothing is fetched"),
        (("pipe", "--to", "a@example.org"), (), "--wait=: not allowed"),
    ],
)
@pytest.mark.usefixtures("office")
def test_what_makes_no_sense_is_refused(
    sqlite_env: TracEnv, words: tuple[str, ...], options: tuple[tuple[str, str, str], ...], said: str
) -> None:
    """Before anything is sent, with what to do."""
    add = ("mailintake", "service", "add")
    sqlite_env.command(*add, "off", "kind=imap", "server=main", "enabled=false", "address=a@example.org")
    sqlite_env.command(*add, "plain", "kind=imap", "server=main", "folder=Other")
    sqlite_env.command(*add, "pipe", "kind=pipe")
    sqlite_env.set(*options)
    done = sqlite_env.command("mailintake", "probe", *words)
    assert (done.status, said in done.err) == (2, True), done.err
