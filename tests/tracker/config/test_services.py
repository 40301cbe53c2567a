"""Services: what may be saved, what is said when it may not, and when they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes import FakeReader
from trac_mailintake.hookspecs import SourceKind, hookimpl
from trac_mailintake.intake.model import Afterwards, Disposition
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.plugins.hooks import Rules
from trac_mailintake.runs import open_intake
from trac_mailintake.sources import kinds
from trac_mailintake.tracker.config.circuit_breaker import CircuitBreaker
from trac_mailintake.tracker.config.services import Services
from trac_mailintake.tracker.db.transaction import MINUTE, now

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv
    from trac_mailintake.hookspecs import Opening
    from trac_mailintake.intake.ports import Source

MAILDIR = {"kind": "maildir", "path": "/var/mail/support"}


def services_of(trac: TracEnv) -> Services:
    """The services, with all real rules, handlers and kinds."""
    return open_intake.settings(trac.env).services


def add_server(trac: TracEnv, protocol: str) -> None:
    """A mail server called by its protocol."""
    open_intake.settings(trac.env).servers.add(protocol, {"host": "mail.example.org", "protocol": protocol})


def test_a_service_has_the_documented_defaults(trac_env: TracEnv) -> None:
    """On each database."""
    add_server(trac_env, "imap")
    services = services_of(trac_env)
    service = services.add("support", {"kind": "imap", "server": "imap"})
    assert (service.folder, service.delay, service.handler) == ("INBOX", 1, "create-or-comment")
    assert (service.start, service.enabled, service.stopped) == ("all", True, "")
    assert service.parameters.flag("stripquotes") is True
    assert services.get("support") == service
    assert services.all() == [service]


def test_a_stand_in_is_like_a_new_service_and_is_not_stored(trac_env: TracEnv) -> None:
    """For released mail of a service that was removed: no mailbox, and all defaults."""
    services = services_of(trac_env)
    stand_in = services.stand_in("gone")
    assert (stand_in.name, stand_in.pushed, stand_in.handler) == ("gone", True, "create-or-comment")
    assert (stand_in.forward, stand_in.last_success) == ("", 0)
    assert services.names() == []
    added = services.add("gone", {"kind": stand_in.kind})
    assert added.parameters == stand_in.parameters


def test_everything_typed_comes_back(trac_env: TracEnv) -> None:
    """Settings and parameters, on each database."""
    add_server(trac_env, "imap")
    typed = {
        "kind": "imap",
        "server": "imap",
        "folder": "Anfragen/日本",
        "address": "a@example.org, b@example.org",
        "delay": "15",
        "forward": "boss@example.org",
        "afterwards": "move:Processed",
        "start": "2026-01-31",
        "enabled": "no",
        "description": "for customers",
        "stripquotes": "false",
        "component": "component1",
        "keywords": "mail, intake",
    }
    service = services_of(trac_env).add("support", typed)
    assert service.addresses == ("a@example.org", "b@example.org")
    assert service.afterwards == Disposition(Afterwards.MOVE, "Processed")
    assert (service.folder, service.delay, service.start) == ("Anfragen/日本", 15, "2026-01-31")
    assert (service.forward, service.enabled, service.description) == ("boss@example.org", False, "for customers")
    assert service.parameters.flag("stripquotes") is False
    assert service.parameters.text("component") == "component1"
    again = services_of(trac_env).typed("support")
    services_of(trac_env).remove("support")
    again_added = services_of(trac_env).add("support", again)
    assert again_added.parameters == service.parameters
    assert again_added.afterwards == service.afterwards


@pytest.mark.parametrize(
    ("typed", "name", "allowed"),
    [
        ({"kind": "exchange"}, "kind=exchange", "directory, imap, maildir, mbox, pipe, pop3"),
        ({"path": "mail"}, "path=mail", "an absolute path"),
        ({"path": ""}, "path=", "an absolute path"),
        ({"server": "imap"}, "server=imap", "nothing, since maildir has none"),
        ({"folder": "INBOX"}, "folder=INBOX", "nothing, since maildir has none"),
        ({"handler": "destroy"}, "handler=destroy", "create-or-comment"),
        ({"delay": "-1"}, "delay=-1", "whole number, 0 to"),
        ({"forward": "boss"}, "forward=boss", "an e-mail address"),
        ({"address": "a@b.org c"}, "address=c", "e-mail addresses"),
        ({"afterwards": "expunge"}, "afterwards=expunge", "delete, move:FOLDER, seen, leave"),
        ({"afterwards": "move"}, "afterwards=move", "move:FOLDER"),
        ({"start": "2026-01-31"}, "start=2026-01-31", "all, now"),
        ({"enabled": "maybe"}, "enabled=maybe", "true or false"),
        ({"stripquotes": "maybe"}, "stripquotes=maybe", "true or false"),
        ({"stripqoutes": "true"}, "stripqoutes=(not shown)", "stripquotes"),
        ({"component": "component9"}, "component=component9", "component1, component2"),
        ({"type": "wish"}, "type=wish", "defect, enhancement, task"),
        ({"issuetype": "4"}, "issuetype=4", "1 (defect), 2 (enhancement), 3 (task)"),
        ({"issuetype": "bug"}, "issuetype=bug", "1 (defect), 2 (enhancement), 3 (task)"),
        ({"milestone": "m9"}, "milestone=m9", "milestone1, milestone2"),
        ({"priority": "urgent"}, "priority=urgent", "blocker, critical"),
        ({"reporterusername": "nobody"}, "reporterusername=nobody", "a user of this environment"),
        ({"reporterusername": "authenticated"}, "reporterusername=authenticated", "a user of this environment"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name_its_value_and_what_is_allowed(
    sqlite_env: TracEnv, typed: dict[str, str], name: str, allowed: str
) -> None:
    """And nothing is saved."""
    add_server(sqlite_env, "imap")
    services = services_of(sqlite_env)
    with pytest.raises(SettingError) as caught:
        services.add("support", {**MAILDIR, **typed})
    assert name in str(caught.value)
    assert allowed in str(caught.value)
    assert services.names() == []


@pytest.mark.parametrize(
    ("kind", "refused", "taken"),
    [
        ("imap", [], ["delete", "move:X", "seen", "leave"]),
        ("pop3", ["move:X", "seen"], ["delete", "leave"]),
        ("maildir", [], ["delete", "move:X", "seen", "leave"]),
        ("mbox", ["move:X", "seen"], ["delete", "leave"]),
        ("directory", ["seen"], ["delete", "move:X", "leave"]),
        ("pipe", ["delete", "move:X", "seen", "leave"], []),
    ],
)
def test_what_is_done_afterwards_is_what_the_kind_can_mean(
    sqlite_env: TracEnv, kind: str, refused: list[str], taken: list[str]
) -> None:
    """The table of docs/behaviour.md#afterwards, every cell."""
    place = {"path": "/var/mail/support"}
    if kind in ("imap", "pop3"):
        add_server(sqlite_env, kind)
        place = {"server": kind}
    services = services_of(sqlite_env)
    service = services.add("support", {"kind": kind, **(place if kind != "pipe" else {})})
    for word in taken:
        assert str(services.set(service.name, {"afterwards": word}).afterwards) == word
    for word in refused:
        with pytest.raises(SettingError, match=f"afterwards={word}"):
            services.set(service.name, {"afterwards": word})


def test_a_service_needs_a_server_that_speaks_its_protocol(sqlite_env: TracEnv) -> None:
    """The refusal names those that do."""
    services = services_of(sqlite_env)
    with pytest.raises(SettingError, match="a mail server that speaks imap; there is none yet"):
        services.add("support", {"kind": "imap"})
    add_server(sqlite_env, "imap")
    add_server(sqlite_env, "pop3")
    with pytest.raises(SettingError, match=r"server=pop3: not allowed\. Allowed: imap$"):
        services.add("support", {"kind": "imap", "server": "pop3"})


def test_an_administrator_cannot_act_for_strangers(sqlite_env: TracEnv) -> None:
    """A forged From would have all rights; a group's TRAC_ADMIN counts as well."""
    for user in ("root", "member", "helper"):
        sqlite_env.know(user, f"{user}@example.org")
    sqlite_env.grant("root", "TRAC_ADMIN")
    sqlite_env.grant("admins", "TRAC_ADMIN")
    sqlite_env.grant("member", "admins")
    services = services_of(sqlite_env)
    for user in ("root", "member"):
        with pytest.raises(SettingError, match="a user without TRAC_ADMIN"):
            services.add("support", {**MAILDIR, "reporterusername": user})
    service = services.add("support", {**MAILDIR, "reporterusername": "helper"})
    assert service.parameters.text("reporterusername") == "helper"


def test_a_user_who_was_granted_rights_exists_before_the_first_login(sqlite_env: TracEnv) -> None:
    """A user for mail alone never logs in."""
    sqlite_env.grant("mailbot", "TICKET_CREATE")
    service = services_of(sqlite_env).add("support", {**MAILDIR, "reporterusername": "mailbot"})
    assert service.parameters.text("reporterusername") == "mailbot"


def test_custom_ticket_fields_are_presets_too(sqlite_env: TracEnv) -> None:
    """By their name, with their options checked."""
    sqlite_env.set(
        ("ticket-custom", "customer", "text"),
        ("ticket-custom", "channel", "select"),
        ("ticket-custom", "channel.options", "mail|phone"),
    )
    services = services_of(sqlite_env)
    service = services.add("support", {**MAILDIR, "customer": "ACME", "channel": "mail"})
    assert service.parameters.text("customer") == "ACME"
    with pytest.raises(SettingError, match=r"channel=fax: not allowed\. Allowed: mail, phone"):
        services.set("support", {"channel": "fax"})


def test_a_change_keeps_what_was_not_typed(sqlite_env: TracEnv) -> None:
    """And checks only what is new: a milestone that is gone must not keep one from disabling the service."""
    services = services_of(sqlite_env)
    services.add("support", {**MAILDIR, "milestone": "milestone1", "afterwards": "delete", "stripquotes": "no"})
    with sqlite_env.env.db_transaction as db:
        db("DELETE FROM milestone WHERE name='milestone1'")
    sqlite_env.reopen()
    service = services_of(sqlite_env).set("support", {"enabled": "false"})
    assert (service.enabled, service.parameters.text("milestone")) == (False, "milestone1")
    assert (str(service.afterwards), service.parameters.flag("stripquotes")) == ("delete", False)


def test_nothing_typed_gives_a_parameter_its_default_again(sqlite_env: TracEnv) -> None:
    """For those that cannot be empty."""
    services = services_of(sqlite_env)
    services.add("support", {**MAILDIR, "stripquotes": "no"})
    assert services.set("support", {"stripquotes": ""}).parameters.flag("stripquotes") is True


def test_another_kind_forgets_what_only_the_old_one_meant(sqlite_env: TracEnv) -> None:
    """A Maildir that becomes a mailbox on a server has no path, and no `seen` that nobody asked for."""
    add_server(sqlite_env, "pop3")
    services = services_of(sqlite_env)
    services.add("support", {**MAILDIR, "afterwards": "seen"})
    service = services.set("support", {"kind": "pop3", "server": "pop3"})
    assert (service.path, service.server, str(service.afterwards)) == ("", "pop3", "leave")


def test_two_services_cannot_have_the_same_name(trac_env: TracEnv) -> None:
    """Not in other letters either."""
    services = services_of(trac_env)
    services.add("Support", MAILDIR)
    with pytest.raises(SettingError, match="not taken"):
        services.add("support", MAILDIR)


def test_a_service_is_due_a_delay_after_it_began(trac_env: TracEnv) -> None:
    """A new one at once."""
    services = services_of(trac_env)
    service = services.add("support", {**MAILDIR, "delay": "5"})
    assert services.due(now()) == ["support"]
    services.begin(service.name)
    assert services.due(now()) == []
    assert services.due(Microseconds(now() + 6 * MINUTE)) == ["support"]


def test_a_service_is_due_at_once_when_its_last_run_lies_in_the_future(trac_env: TracEnv) -> None:
    """The clock was a year ahead, and is right again: nobody waits for a year."""
    services = services_of(trac_env)
    services.begin(services.add("support", {**MAILDIR, "delay": "5"}).name)
    year = 365 * 24 * 60 * MINUTE
    with trac_env.env.db_transaction as db:
        db("UPDATE mailintake_service SET last_run=last_run+%s, next_run=next_run+%s", (year, year))
    assert services.due(now()) == ["support"]


def test_only_what_fetches_and_may_run_is_ever_due(sqlite_env: TracEnv) -> None:
    """Neither a pipe, nor what is disabled, nor what has stopped."""
    services = services_of(sqlite_env)
    services.add("pipe", {"kind": "pipe"})
    services.add("disabled", {**MAILDIR, "enabled": "false"})
    stopped = services.add("stopped", MAILDIR)
    CircuitBreaker(sqlite_env.env).stop(stopped.name, "a plugin is wrong")
    services.add("runs", MAILDIR)
    assert services.due(now()) == ["runs"]


def test_a_round_leaves_its_result(trac_env: TracEnv) -> None:
    """The last success stays when a round fails."""
    services = services_of(trac_env)
    service = services.add("support", MAILDIR)
    services.finish(service.name, error="", result="3 created")
    succeeded = services.get("support").last_success
    assert succeeded > 0
    services.finish(service.name, error="it could not be reached", result="it could not be reached")
    after = services.get("support")
    assert (after.last_success, after.last_result) == (succeeded, "it could not be reached")


def test_a_service_whose_handler_is_gone_is_listed_and_said(sqlite_env: TracEnv) -> None:
    """A plugin that is taken away must not keep anybody from seeing what there is."""
    services = services_of(sqlite_env)
    services.add("support", MAILDIR)
    with sqlite_env.env.db_transaction as db:
        db("UPDATE mailintake_service SET handler='of-a-plugin'")
    assert [row["handler"] for row in services.rows()] == ["of-a-plugin"]
    with pytest.raises(SettingError, match="handler=of-a-plugin"):
        services.get("support")
    assert services.set("support", {"handler": "create-or-comment"}).handler == "create-or-comment"


class Gateway:
    """A plugin with a kind of source of its own, to which mail is handed."""

    @hookimpl
    def mailintake_sources(self) -> tuple[SourceKind, ...]:
        """That kind."""
        return (SourceKind("gateway", "A gateway", (), self.open, pushed=True),)

    @staticmethod
    def open(opening: Opening) -> Source:
        """Nobody asks for it here."""
        raise NotImplementedError(opening)


def test_a_kind_says_whether_mail_is_handed_to_it(sqlite_env: TracEnv) -> None:
    """Whatever it is called; then there is no path to be given. Without its plugin nobody can say."""
    rules = Rules(FakeReader(), (kinds, Gateway()), group="none")
    services = Services(sqlite_env.env, lambda: rules)
    with pytest.raises(SettingError, match="nothing, since gateway has none"):
        services.add("pushed", {"kind": "gateway", "path": "/var/mail/support"})
    assert services.add("pushed", {"kind": "gateway"}).pushed
    assert services.add("piped", {"kind": "pipe"}).pushed
    assert not services.add("fetched", MAILDIR).pushed
    assert not services_of(sqlite_env).get("pushed").pushed
