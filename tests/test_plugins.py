"""The hooks, asked: what plugins may do, what is refused, and whose fault a failure is."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.fakes import FakeReader
from tests.values import DELIVERY, HANDLER, MEMBER, message, service
from trac_mailintake.hookspecs import Handler, SourceKind, hookimpl
from trac_mailintake.intake.model import Change, Followup, Hold, Ignore, NewTicket, Outcome, Proof, Status
from trac_mailintake.intake.ports import Misconfiguration, TemporaryFailure
from trac_mailintake.intake.settings import Kind, Parameter, SettingError
from trac_mailintake.mail.message import Origin
from trac_mailintake.plugins import GROUP, Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from trac_mailintake.hookspecs import Context, Opening
    from trac_mailintake.intake.model import Objection, Target
    from trac_mailintake.intake.ports import Source
    from trac_mailintake.mail.message import Message

NEW = NewTicket("new", "The mail names no ticket.")


def rules(*extra: object, reader: FakeReader | None = None) -> Rules:
    """The rules with the plugins of an environment; no others are installed."""
    return Rules(reader or FakeReader(), extra=extra, group="trac_mailintake.none")


def change_of(asked: Rules) -> Change | Objection:
    """What becomes of a mail that begins a ticket."""
    return asked.handle(message(), NEW, service(), MEMBER)


class Strict:
    """A plugin that holds everything, and knows a parameter."""

    PARAMETERS = (Parameter("mood", Kind.TEXT, "bad", "How the plugin feels"),)

    @hookimpl
    def mailintake_screen(self, message: Message, context: Context) -> Objection | None:
        """Object."""
        return Hold("strict", f"{context.service.name} {context.sender.username} {message.subject}")


class Router:
    """A plugin that knows where everything belongs."""

    @hookimpl
    def mailintake_route(self, message: Message) -> Target | None:
        """Ticket 7."""
        return Followup(7, "router", message.subject, Proof.HANDLER)


class Shouter:
    """A plugin that amends changes."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    @hookimpl(wrapper=True)
    def mailintake_change(self, change: Change) -> Generator[None, Change, Change]:
        """Add the mark to the summary of what the inner ones made of it."""
        inner = yield
        return replace(inner, summary=f"{inner.summary}{self.mark} ({change.summary})")


class Echoer(Shouter):
    """Another plugin that amends changes."""


def echo(message: Message, target: Target, context: Context) -> Change | Objection:
    """A handler."""
    return Change(target, context.sender, message.subject.upper(), "")


class Offering:
    """A plugin with a handler and a kind of source."""

    def __init__(self, name: str = "echo") -> None:
        self.name = name

    @hookimpl
    def mailintake_handlers(self) -> tuple[Handler, ...]:
        """One."""
        own = (Parameter("bulk", Kind.CHOICE, "accept", "Ours", choices=("accept", "hold")),)
        return (Handler(self.name, "Echo", echo, own),)

    @hookimpl
    def mailintake_sources(self) -> tuple[SourceKind, ...]:
        """One."""
        return (SourceKind(self.name, "Echo", (), closed_door),)


def closed_door(opening: Opening) -> Source:
    """No source opens."""
    raise NotImplementedError(opening)


# what the product brings


def test_the_product_uses_its_own_hooks() -> None:
    """Its handlers and its rules come as anybody's do."""
    names = {HANDLER, "create", "comment", "comment-unquoted", "comment-regex", "commit-log"}
    assert set(rules().handlers) == names
    objections = rules().screen(message(origin=Origin.BULK, origin_reason="Because."), DELIVERY, service(), MEMBER)
    assert objections == [Hold("bulk", "Because.")]


def test_nobody_objecting_is_acceptance() -> None:
    """There is no other word for it."""
    assert rules().screen(message(), DELIVERY, service(), MEMBER) == []


def test_a_mail_that_nobody_knows_a_ticket_for_is_a_new_one() -> None:
    """Said by the product, not by a rule."""
    assert rules().route(message(), DELIVERY, service(), MEMBER) == NEW


def test_the_change_is_its_own_innermost_result() -> None:
    """Without plugins it is what the handler made."""
    change = change_of(rules())
    assert isinstance(change, Change)
    assert (change.summary, change.target, change.sender) == ("The printer burns", NEW, MEMBER)


def test_kinds_of_source_are_handed_in() -> None:
    """Rules may not import sources; an installed plugin brings them the same way."""
    assert list(Rules(FakeReader(), bundled=(Offering("wire"),), group="none").kinds) == ["wire"]


# what a plugin may do


def test_all_objections_are_collected() -> None:
    """With the context that they are asked in."""
    objections = rules(Strict()).screen(message(origin=Origin.BULK), DELIVERY, service(), MEMBER)
    assert {each.rule for each in objections} == {"bulk", "strict"}
    assert Hold("strict", "support ann The printer burns") in objections


def test_a_plugin_is_asked_for_the_route_before_the_product() -> None:
    """The first answer counts."""
    reader = FakeReader()
    reader.add(12, "ann")
    target = rules(Router(), reader=reader).route(message(subject="#12"), DELIVERY, service(), MEMBER)
    assert target == Followup(7, "router", "#12", Proof.HANDLER)


def test_plugins_amend_changes() -> None:
    """One around the other; each is given the change as the handler made it, and the inner result."""
    change = change_of(rules(Shouter("!"), Echoer("?")))
    assert isinstance(change, Change)
    burns = "The printer burns"
    assert change.summary == f"{burns}! ({burns})? ({burns})"


def test_an_objection_of_a_handler_is_not_amended() -> None:
    """There is no change."""

    class Refusing:
        """A plugin with a handler that wants nothing."""

        @hookimpl
        def mailintake_handlers(self) -> tuple[Handler, ...]:
            """One."""
            return (Handler("refuse", "Refuse", lambda *_: Hold("refuse", "No.")),)

    asked = rules(Refusing(), Shouter("!"))
    assert asked.handle(message(), NEW, replace(service(), handler="refuse"), MEMBER) == Hold("refuse", "No.")


def test_the_services_handler_is_asked() -> None:
    """By its name."""
    change = rules(Offering()).handle(message(), NEW, replace(service(), handler="echo"), MEMBER)
    assert isinstance(change, Change)
    assert change.summary == "THE PRINTER BURNS"


def test_a_handler_that_is_gone_is_a_misconfiguration() -> None:
    """The plugin was uninstalled; its mail waits."""
    with pytest.raises(Misconfiguration, match=r"support.*echo"):
        rules().handle(message(), NEW, replace(service(), handler="echo"), MEMBER)


def test_plugins_are_told_what_was_recorded() -> None:
    """After the commit."""
    told: list[tuple[str, Outcome, str]] = []

    class Listener:
        """A plugin that listens."""

        @hookimpl
        def mailintake_recorded(self, message: Message, outcome: Outcome, context: Context) -> None:
            """Keep it."""
            told.append((message.subject, outcome, context.service.name))

    outcome = Outcome(Status.CREATED, "new", "")
    rules(Listener()).recorded(message(), outcome, service(), MEMBER)
    assert told == [("The printer burns", outcome, "support")]


# parameters


def test_a_service_is_told_the_rules_and_the_handlers_parameters() -> None:
    """A plugin's rules have theirs in PARAMETERS, as ours do."""
    names = [each.name for each in rules(Strict()).parameters(HANDLER)]
    assert len(names) == len(set(names))
    assert {"bulk", "catchemail", "stranger", "closed", "text", "stripquotes", "mood"} <= set(names)


def test_a_handler_may_have_another_default() -> None:
    """Its parameter stands for the rule's of the same name."""
    asked = rules(Offering())
    [bulk] = [each for each in asked.parameters("echo") if each.name == "bulk"]
    assert bulk.default == "accept"
    [bulk] = [each for each in asked.parameters(HANDLER) if each.name == "bulk"]
    assert bulk.default is None


def test_an_unknown_handler_is_refused_with_those_that_there_are() -> None:
    """A typing mistake on save."""
    with pytest.raises(SettingError, match=r"handler=creat: not allowed. Allowed: .*create, create-or-comment$"):
        rules().parameters("creat")


# what is refused: every use raises


def everything(asked: Rules) -> list[Callable[[], object]]:
    """Every use."""
    outcome = Outcome(Status.CREATED, "new", "")
    return [
        lambda: asked.handlers,
        lambda: asked.kinds,
        lambda: asked.parameters(HANDLER),
        lambda: asked.screen(message(), DELIVERY, service(), MEMBER),
        lambda: asked.route(message(), DELIVERY, service(), MEMBER),
        lambda: asked.handle(message(), NEW, service(), MEMBER),
        lambda: asked.recorded(message(), outcome, service(), MEMBER),
    ]


def refused(asked: Rules, pattern: str) -> None:
    """Every use says the same."""
    for use in everything(asked):
        with pytest.raises(Misconfiguration, match=pattern):
            use()


def test_a_misspelled_hook_is_refused() -> None:
    """It would never be called; the plugin and the hook are named."""

    class Typo:
        """A plugin with a mistake."""

        @hookimpl
        def mailintake_scren(self) -> None:
            """Never called."""

    refused(rules(Typo()), "Typo.*mailintake_scren")


def test_a_hook_without_its_mark_is_refused() -> None:
    """It would never be called either."""

    class Unmarked:
        """A plugin with a mistake."""

        def mailintake_screen(self, message: Message) -> None:
            """Never called."""

    refused(rules(Unmarked()), "Unmarked.*mailintake_screen.*@hookimpl")


def test_a_hook_with_a_wrong_argument_is_refused() -> None:
    """It could not be called."""

    class Wrong:
        """A plugin with a mistake."""

        @hookimpl
        def mailintake_screen(self, mail: Message) -> None:
            """Never called."""

    refused(rules(Wrong()), "Wrong.*mailintake_screen")


def test_nothing_may_be_wrapped_but_the_change() -> None:
    """A wrapper around the screens could take an objection back."""

    class Lenient:
        """A plugin that wants to make intake less strict."""

        @hookimpl(wrapper=True)
        def mailintake_screen(self) -> Generator[None, list[Objection], list[Objection]]:
            """Nobody objected."""
            yield
            return []

    refused(rules(Lenient()), "Lenient, mailintake_screen")


def test_a_change_is_only_amended_by_wrapping() -> None:
    """Otherwise one plugin's change would silence another's."""

    class Usurper:
        """A plugin that answers for all."""

        @hookimpl
        def mailintake_change(self, change: Change) -> Change:
            """Never called."""
            return change

    refused(rules(Usurper()), "Usurper, mailintake_change.*wrapper=True")


def test_two_of_the_same_name_are_refused() -> None:
    """Nobody could say which one a service means."""
    with pytest.raises(Misconfiguration, match=f"{HANDLER}.*create_or_comment and .*Offering"):
        _ = rules(Offering(HANDLER)).handlers
    with pytest.raises(Misconfiguration, match="two plugins offer wire"):
        _ = Rules(FakeReader(), bundled=(Offering("wire"),), extra=(rival("wire"),), group="none").kinds


def rival(name: str) -> object:
    """Another plugin that offers the same."""

    class Rival(Offering):
        """By another name."""

    return Rival(name)


def test_a_parameter_of_two_rules_is_refused() -> None:
    """A plugin cannot change what a rule of ours means."""

    class Meddler:
        """A plugin that knows `bulk` better."""

        PARAMETERS = (Parameter("bulk", Kind.TEXT, "accept", "Ours"),)

    refused(rules(Meddler()), "Meddler.*bulk")


@pytest.mark.parametrize("group", ["mailintake_handlers", "mailintake_sources"])
def test_what_is_no_offer_is_refused(group: str) -> None:
    """A handler is a Handler, a kind of source is a SourceKind."""

    class Muddled(Offering):
        """A plugin that mixes them up."""

        @hookimpl
        def mailintake_handlers(self) -> tuple[Handler, ...]:
            """Sources."""
            return super().mailintake_sources()  # type: ignore[return-value]  # that is the mistake

        @hookimpl
        def mailintake_sources(self) -> tuple[SourceKind, ...]:
            """Handlers."""
            return super().mailintake_handlers()  # type: ignore[return-value]  # that is the mistake

    with pytest.raises(Misconfiguration, match=f"Muddled, {group}"):
        _ = rules(Muddled()).handlers if group == "mailintake_handlers" else rules(Muddled()).kinds


@pytest.mark.parametrize("answer", [False, True, "hold", Ignore])
def test_a_verdict_is_a_value(answer: object) -> None:
    """Not False, not a word, not a class."""

    class Vague:
        """A plugin that answers with anything."""

        @hookimpl
        def mailintake_screen(self) -> object:
            """Answer."""
            return answer

        @hookimpl
        def mailintake_route(self) -> object:
            """Answer."""
            return answer

        @hookimpl(wrapper=True)
        def mailintake_change(self) -> Generator[None, Change, object]:
            """Answer."""
            yield
            return answer

    uses: list[tuple[str, Callable[[], object]]] = [
        ("mailintake_screen", lambda: rules(Vague()).screen(message(), DELIVERY, service(), MEMBER)),
        ("mailintake_route", lambda: rules(Vague()).route(message(), DELIVERY, service(), MEMBER)),
        ("mailintake_change", lambda: change_of(rules(Vague()))),
    ]
    for hook, use in uses:
        with pytest.raises(Misconfiguration, match=f"Vague, {hook}"):
            use()


def test_a_handler_that_answers_nothing_is_refused() -> None:
    """It is named."""

    class Silent:
        """A plugin with a handler that forgets to return."""

        @hookimpl
        def mailintake_handlers(self) -> tuple[Handler, ...]:
            """One."""
            return (Handler("silent", "Silent", lambda *_: None),)  # type: ignore[arg-type]  # the mistake

    with pytest.raises(Misconfiguration, match="handler silent"):
        rules(Silent()).handle(message(), NEW, replace(service(), handler="silent"), MEMBER)


# whose fault it is


class Failing:
    """A plugin all of whose hooks fail, by themselves or by asking the tracker."""

    def fail(self, context: Context | None = None) -> None:
        """Fail."""
        if context is None:
            raise LookupError("no such thing")
        context.reader.ticket(1)

    @hookimpl
    def mailintake_screen(self, context: Context) -> None:
        """Fail."""
        self.fail(context)

    @hookimpl
    def mailintake_route(self) -> None:
        """Fail."""
        self.fail()

    @hookimpl(wrapper=True)
    def mailintake_change(self) -> Generator[None, Change, None]:
        """Fail."""
        yield
        self.fail()

    @hookimpl
    def mailintake_recorded(self) -> None:
        """Fail."""
        self.fail()


def test_a_failing_plugin_is_named_with_hook_and_cause() -> None:
    """It defers the mail without counting against it."""
    asked = rules(Shouter("!"), Failing(), Strict(), reader=FakeReader(failure=LookupError("no such thing")))
    outcome = Outcome(Status.CREATED, "new", "")
    uses: list[tuple[str, Callable[[], object]]] = [
        ("mailintake_screen", lambda: asked.screen(message(), DELIVERY, service(), MEMBER)),
        ("mailintake_route", lambda: asked.route(message(), DELIVERY, service(), MEMBER)),
        ("mailintake_change", lambda: change_of(asked)),
        ("mailintake_recorded", lambda: asked.recorded(message(), outcome, service(), MEMBER)),
    ]
    for hook, use in uses:
        with pytest.raises(Misconfiguration, match=f"Failing.*, {hook}: LookupError: no such thing") as raised:
            use()
        assert isinstance(raised.value.__cause__, LookupError)


def test_of_two_plugins_the_one_that_failed_is_named(installed: Callable[..., None]) -> None:
    """Not the one around it."""
    inner = """
        @hookimpl(wrapper=True)
        def mailintake_change():
            yield
            return 1 / 0
    """
    installed("careless_intake", inner)
    with pytest.raises(Misconfiguration, match=r"plugin careless_intake .*ZeroDivisionError"):
        change_of(Rules(FakeReader(), extra=(Shouter("!"),), group=GROUP))


def test_a_failing_handler_of_a_plugin_is_named(installed: Callable[..., None]) -> None:
    """Wherever its function lies."""
    installed("helping_intake_parts", "def handle(message, target, context):\n    raise KeyError('x')", entry=False)
    installed(
        "helping_intake",
        """
        from trac_mailintake.hookspecs import Handler
        from helping_intake_parts import handle

        @hookimpl
        def mailintake_handlers():
            return (Handler("help", "Help", handle),)
        """,
    )
    with pytest.raises(Misconfiguration, match=r"plugin helping_intake .*handler help: KeyError"):
        Rules(FakeReader()).handle(message(), NEW, replace(service(), handler="help"), MEMBER)


def test_the_products_own_failure_is_the_messages() -> None:
    """It passes as it is, plugins or not."""
    reader = FakeReader(failure=LookupError("ours"), signed={"support@example.org": 12})
    with pytest.raises(LookupError, match="ours"):
        rules(Strict(), Shouter("!"), reader=reader).route(message(), DELIVERY, service(), MEMBER)


def test_a_plugin_is_not_to_blame_for_a_database_that_is_down() -> None:
    """What it asked for failed for a time."""
    asked = rules(Failing(), reader=FakeReader(failure=TemporaryFailure("database is locked")))
    with pytest.raises(TemporaryFailure):
        asked.screen(message(), DELIVERY, service(), MEMBER)


# installed plugins


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Installs plugins of one module, as pip would: a module, and metadata with an entry point."""
    monkeypatch.syspath_prepend(str(tmp_path))
    names = []

    def install(name: str, source: str, *, entry: bool = True) -> None:
        lines = source.splitlines()
        indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
        body = "\n".join(line[indent:] for line in lines)
        (tmp_path / f"{name}.py").write_text(f"from trac_mailintake.hookspecs import hookimpl\n{body}\n", "utf-8")
        names.append(name)
        if entry:
            metadata = tmp_path / f"{name}-1.0.dist-info"
            metadata.mkdir()
            (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", "utf-8")
            (metadata / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {name}\n", "utf-8")
        importlib.invalidate_caches()

    yield install
    for name in names:
        sys.modules.pop(name, None)


def test_an_installed_module_is_a_plugin(installed: Callable[..., None]) -> None:
    """Behind the entry point group, without any configuration."""
    installed(
        "polite_intake",
        """
        from trac_mailintake.intake.model import Hold

        @hookimpl
        def mailintake_screen(message):
            return Hold("polite", message.subject)
        """,
    )
    objections = Rules(FakeReader()).screen(message(), DELIVERY, service(), MEMBER)
    assert objections == [Hold("polite", "The printer burns")]


def test_a_plugin_that_does_not_load_stops_everything(installed: Callable[..., None]) -> None:
    """Fail closed: who knows what it would have held. It is named, with the cause."""
    installed("broken_intake", "import something_that_is_not_there")
    refused(
        Rules(FakeReader()), "plugin broken_intake.*does not load: ModuleNotFoundError.*something_that_is_not_there"
    )


def test_nothing_is_loaded_before_the_first_question(installed: Callable[..., None]) -> None:
    """A round without mail asks none."""
    installed("idle_intake", "")
    asked = Rules(FakeReader())
    assert "idle_intake" not in sys.modules
    assert asked.kinds == {}
    assert "idle_intake" in sys.modules
