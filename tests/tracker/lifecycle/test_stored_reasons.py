"""What is stored of a reason makes the same sentence again; texts of plugins and of earlier versions stay text."""

from __future__ import annotations

import json
from string import Formatter
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rig import Rig, mail
from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Hold, Outcome, Status, Step
from trac_mailintake.mail import defects
from trac_mailintake.mail.wording import Reason
from trac_mailintake.tracker.journal.journal import Journal
from trac_mailintake.tracker.journal.search import Filter
from trac_mailintake.tracker.lifecycle import stored_reasons

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.mail.message import Message
    from trac_mailintake.mail.wording import Wording

_TEXTS: Final = st.text(max_size=30) | st.sampled_from(["{0}", "{x}", "[]", '["sender"]', "\0", "\udc80", "null", "%s"])


def arguments(wording: Wording) -> list[str]:
    """The names in its template."""
    return sorted({name for _, name, _, _ in Formatter().parse(wording.text) if name})


def made(wording: Wording, inner: st.SearchStrategy[Reason]) -> st.SearchStrategy[Reason]:
    """A reason with this sentence."""
    values = st.fixed_dictionaries({name: _TEXTS | st.integers() | inner for name in arguments(wording)})
    return values.map(lambda found: Reason(wording, found))


WORDINGS: Final = st.sampled_from(sorted(stored_reasons.KNOWN.values(), key=lambda each: (each.slug, each.form)))
REASONS: Final[st.SearchStrategy[Reason]] = st.deferred(
    lambda: WORDINGS.flatmap(lambda wording: made(wording, REASONS))
)


@given(reason=REASONS, stage=st.sampled_from(["screen", "route"]))
def test_the_sentence_is_made_again(reason: Reason, stage: str) -> None:
    """Whatever stands in it, sentences in sentences included."""
    outcome = Outcome(Status.HELD, reason.slug, reason.sentence, because=reason)
    step = Step.of(stage, reason)
    row = stored_reasons.columns(outcome, [step])
    [again] = stored_reasons.steps(str(row["trail"]))
    assert (again, again.because) == (step, reason)
    assert stored_reasons.because(reason.slug, str(row["reason"]), str(row["because"])) == reason
    assert str(row["trail"]).isascii()


@given(text=_TEXTS, rule=_TEXTS)
def test_the_text_of_a_plugin_stays_text(text: str, rule: str) -> None:
    """Even if it looks like what we store."""
    row = stored_reasons.columns(Outcome(Status.HELD, rule, text), [Step("screen", rule, text)])
    assert (row["reason"], row["because"]) == (text, None)
    assert stored_reasons.steps(str(row["trail"])) == (Step("screen", rule, text),)


def test_rows_of_the_first_version_are_read() -> None:
    """Their trails have sentences, and none of their reasons has a pair."""
    trail = '[["screen", "sender", "nobody knows a@b"], ["route", "new", "The mail names no ticket."]]'
    steps = (Step("screen", "sender", "nobody knows a@b"), Step("route", "new", "The mail names no ticket."))
    assert stored_reasons.steps(trail) == steps
    assert (stored_reasons.steps(None), stored_reasons.because("new", "The mail names no ticket.", None)) == ((), None)


@pytest.mark.parametrize(
    "said",
    [
        ["no-such-rule"],
        ["bulk/no-such-form", {"x": 1}],
        ["duplicate", {}],
        ["duplicate", {"number": 1}],
        ["duplicate", {"delivery": ["/no-such-clause"]}],
        ["duplicate", {"delivery": None}],
        [],
        {"a": 1},
        7,
    ],
)
def test_what_another_version_wrote_is_shown_as_it_is(said: object) -> None:
    """A sentence that was renamed, or has other arguments, costs nobody the page of the mail."""
    [step] = stored_reasons.steps(json.dumps([["recall", "duplicate", said]]))
    assert (json.loads(step.sentence), step.because) == (said, None)
    assert stored_reasons.because("duplicate", "It was filed before.", json.dumps(said)) is None


def test_a_pair_counts_only_with_its_own_sentence() -> None:
    """The row has got another rule, or something was added to the reason."""
    reason = reasons.DUPLICATE(delivery=7)
    stored = str(stored_reasons.columns(Outcome(Status.DUPLICATE, reason.slug, "", because=reason), ())["because"])
    assert stored_reasons.because("duplicate", reason.sentence, stored) == reason
    assert stored_reasons.because("administrator", reason.sentence, stored) is None
    assert stored_reasons.because("duplicate", f"{reason.sentence} And more.", stored) is None


class House:
    """A plugin with a reason of its own."""

    @hookimpl
    def mailintake_screen(self, message: Message) -> Hold | None:
        """Some mail is confidential."""
        return Hold("house", "Nur f\xfcr die Leitung.") if "confidential" in message.subject else None


def test_the_journal_says_why(trac_env: TracEnv, tmp_path: Path) -> None:
    """In sentences, which words find; on the page of a mail and in JSON as before."""
    rig = Rig(trac_env, tmp_path, block="spammer.example")
    rig.drop(mail("Hello"), mail("Watches", sender="x@spammer.example"), mail("A confidential one"))
    rig.run(House())
    house, blocked, created = Journal(trac_env.env).entries()
    assert (house.reason, house.because) == ("Nur f\xfcr die Leitung.", None)
    assert blocked.reason == "x@spammer.example is on the block list (spammer.example)."
    assert blocked.because == reasons.BLOCK(sender="x@spammer.example", entry="spammer.example")
    assert [step.sentence for step in created.trail] == [
        "no user has the address ann@example.com; from header only",
        "The mail names no ticket.",
    ]
    assert house.trail[-1].sentence == "Hold: Nur f\xfcr die Leitung."
    assert [each.id for each in Journal(trac_env.env).entries(Filter(text="block list"))] == [blocked.id]
    shown = json.loads(trac_env.command("mailintake", "journal", "show", str(blocked.id), "--json").out)
    assert shown["reason"] == blocked.reason
    assert "because" not in shown
    assert shown["trail"][-1] == {"stage": "screen", "rule": "block", "sentence": f"Reject: {blocked.reason}"}


def test_what_becomes_of_a_mail_without_a_decision_is_stored_likewise(trac_env: TracEnv, tmp_path: Path) -> None:
    """An administrator discards it; or it was there before the service's first run."""
    rig = Rig(trac_env, tmp_path, block="spammer.example", start="now")
    rig.drop(mail("Of last year"))
    rig.run()
    rig.drop(mail("A confidential one"))
    rig.run(House())
    held, started = Journal(trac_env.env).entries()
    Journal(trac_env.env).discard(held.id, "boss")
    discarded = Journal(trac_env.env).get(held.id)
    assert (started.because, discarded.because) == (reasons.START(), reasons.ADMINISTRATOR(user="boss"))
    assert discarded.reason == "Discarded by boss."


def test_a_row_is_hardly_larger(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """The pairs take the place of the sentences of the trail; only that of the reason is stored besides."""
    rig = Rig(sqlite_env, tmp_path, block="spammer.example", bulk="hold")
    rig.drop(
        mail("Hello"),
        mail("Watches", sender="x@spammer.example"),
        mail("News", "Precedence: bulk"),
        mail("Away", "Auto-Submitted: auto-replied"),
    )
    rig.run()
    for row in sqlite_env.query("SELECT * FROM mailintake_delivery"):
        values = [str(value) for value in row if value is not None]
        [trail] = [value for value in values if value.startswith('[["')]
        pairs = [value for value in values if value.startswith('["')]
        before = [[step.stage, step.rule, step.sentence] for step in stored_reasons.steps(trail)]
        grown = len(trail) - len(json.dumps(before)) + sum(map(len, pairs))
        size = sum(map(len, values))
        assert grown < (size - grown) / 4, (grown, size, trail)


def test_every_sentence_of_the_product_is_known() -> None:
    """Those of rules, of defects and of evidence."""
    assert {"duplicate", "bounce/ticket", "/then", "/evidence-precedence"} <= stored_reasons.KNOWN.keys()
    assert set(defects.WORDINGS) | set(reasons.WORDINGS) <= set(stored_reasons.KNOWN.values())
