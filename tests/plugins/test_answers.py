"""A wrong value in a plugin's answer is that plugin's fault, and named; a right one passes."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import DELIVERY, MEMBER, message, service
from tests.plugins.offers import NEW, rules
from tests.rig import Rig, mail
from trac_mailintake.hookspecs import Handler, hookimpl
from trac_mailintake.intake.errors import Misconfiguration
from trac_mailintake.intake.model import Change, Discard, Followup, Forward, Hold, Ignore, NewTicket, Proof, Reject
from trac_mailintake.plugins.answers import wrong

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

CHANGE = Change(NEW, MEMBER, "Help", "How?")
RIGHT = (
    *(kind("acme", "So it is.") for kind in (Hold, Forward, Reject, Ignore, Discard)),
    NewTicket("acme", "So it is."),
    NewTicket("acme", "So it is.", related=3, note="See there."),
    Followup(3, "acme", "So it is.", Proof.HANDLER),
    CHANGE,
    replace(CHANGE, fields={"due": "today"}, cc=("ann@example.net",), quiet=True),
)
ODD = st.one_of(
    st.none(),
    st.integers(max_value=0),
    st.floats(),
    st.binary(),
    st.just(object()),
    st.sampled_from(["a\0b", "\ud800", {"due": None}, {1: "x"}, [None], (1,), {"x": "\0"}, 2**31, 2**80]),
)
MAY_BE_EMPTY = {("NewTicket", "related"), ("Change", "fields")}


@pytest.mark.parametrize("answer", RIGHT, ids=lambda each: type(each).__name__)
def test_a_right_answer_passes(answer: Hold | NewTicket | Change) -> None:
    """Of each kind, with and without what may be left out."""
    assert wrong(answer) == ""


@pytest.mark.parametrize("answer", RIGHT, ids=lambda each: type(each).__name__)
@given(data=st.data())
def test_a_wrong_value_in_any_field_is_found(answer: Hold | NewTicket | Change, data: st.DataObject) -> None:
    """Whatever it is instead, and it is said in which field."""
    name = data.draw(st.sampled_from([each.name for each in fields(answer) if each.name != "because"]))
    value = data.draw(ODD)
    if value is None and (type(answer).__name__, name) in MAY_BE_EMPTY:
        value = object()
    assert wrong(replace(answer, **{name: value})).startswith(f"{type(answer).__name__}.{name} is wrong: ")


class Odd:
    """A plugin that answers each hook with a value that is wrong inside."""

    @hookimpl
    def mailintake_screen(self) -> Hold:
        """A rule that is no text."""
        return Hold(None, "So it is.")  # type: ignore[arg-type]  # what is tested

    @hookimpl
    def mailintake_route(self) -> NewTicket:
        """A note that no database stores."""
        return NewTicket("acme", "So it is.", note="a\0b")

    @hookimpl
    def mailintake_handlers(self) -> list[Handler]:
        """A handler that answers with a number as text."""
        return [Handler("odd", "Odd", lambda *_: replace(CHANGE, summary=5))]  # type: ignore[arg-type]  # likewise


def test_each_hook_is_looked_into() -> None:
    """The plugin is named, and what it has done."""
    asked = rules(Odd())
    name = f"plugin {Odd.__module__}.Odd"
    with pytest.raises(Misconfiguration, match=rf"{name}, mailintake_screen: Hold\.rule is wrong: None"):
        asked.screen(message(), DELIVERY, service(), MEMBER)
    with pytest.raises(Misconfiguration, match=rf"{name}, mailintake_route: NewTicket\.note is wrong: text with"):
        asked.route(message(), DELIVERY, service(), MEMBER)
    with pytest.raises(Misconfiguration, match=rf"{name}, handler odd: Change\.summary is wrong: a int"):
        asked.handle(message(), NEW, replace(service(), handler="odd"), MEMBER)


class Amending:
    """A plugin that gives a field a value that is no text."""

    @hookimpl(wrapper=True)
    def mailintake_change(self):  # type: ignore[no-untyped-def]  # noqa: ANN201 - as plugins are written
        """A number as the component."""
        change = yield
        return replace(change, fields={**change.fields, "keywords": 7})


def test_it_counts_against_no_mail(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """However often it happens, the mail waits with no attempt counted, and is filed once the plugin is mended."""
    rig = Rig(sqlite_env, tmp_path)
    rig.drop(mail())
    for _ in range(7):
        rig.run(Amending())
        with rig.trac.env.db_transaction as db:
            db("UPDATE mailintake_delivery SET retry_at=0")
    [row] = rig.journal()
    assert (row["attempts"], row["outcome"], len(rig.left)) == (0, None, 1)
    assert f"plugin {Amending.__module__}.Amending, mailintake_change: Change.fields is wrong" in str(row["failure"])
    rig.run()
    assert (len(rig.trac.tickets()), rig.left) == (1, [])
