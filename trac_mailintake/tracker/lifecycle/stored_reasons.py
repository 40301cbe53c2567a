"""record: how reasons are stored, so that their sentences can be made again, in another language too.

A reason of the product's own is stored as a pair in JSON: the name of its wording (`slug/form`, `slug` for a first
sentence, `/form` for a clause) and its arguments by name, which may be reasons, too. The text of somebody else's plugin
is stored as it is. Before version 2 of the schema all reasons were texts.

- The column `trail` has a list of steps, each with its stage, its rule, and a pair or a text.
- The column `reason` keeps the sentence, since searches look for its words. `because` has the pair beside it; NULL if
  there is none. A transition that changes `reason` need not know that: a pair counts only as long as it belongs to the
  row's rule and its sentence.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Step
from trac_mailintake.mail import defects
from trac_mailintake.mail.classify import evidence
from trac_mailintake.mail.wording import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trac_mailintake.intake.model import Outcome
    from trac_mailintake.mail.wording import Argument, Wording

_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))
"""Made once: `json.dumps` would make one for each value."""

_WORDINGS: Final = (
    *(rule.wording for rule in reasons.RULES.values()),
    *reasons.WORDINGS,
    *defects.WORDINGS,
    *evidence.WORDINGS,
)


def _name(wording: Wording) -> str:
    return f"{wording.slug}/{wording.form}" if wording.form else wording.slug


KNOWN: Final = {_name(each): each for each in _WORDINGS}
"""Every sentence and clause of the product, by the name under which it is stored."""


def columns(outcome: Outcome, steps: Iterable[Step]) -> dict[str, object]:
    """The columns of a delivery that say why: `reason`, `because` and `trail`."""
    trail = [(step.stage, step.rule, _pair(step.because) if step.because else step.sentence) for step in steps]
    because = _json(_pair(outcome.because)) if outcome.because else None
    return {"reason": outcome.reason, "because": because, "trail": _json(trail)}


def why(reason: Reason) -> dict[str, object]:
    """The columns of a delivery that say why, without a trail: `rule`, `reason` and `because`."""
    return {"rule": reason.slug, "reason": reason.sentence, "because": _json(_pair(reason))}


def steps(trail: str | None) -> tuple[Step, ...]:
    """The steps in a column `trail`."""
    return tuple(_step(*each) for each in json.loads(trail or "[]"))


def because(rule: str, reason: str, stored: str | None) -> Reason | None:
    """What `reason` was made of; None for a text, or if the row has another reason by now."""
    found = _reason(json.loads(stored)) if stored else None
    return found if found is not None and found.slug == rule and _sentence(found) == reason else None


def _step(stage: str, rule: str, said: object) -> Step:
    found = _reason(said)
    if found is None:
        return Step(stage, rule, said if isinstance(said, str) else _json(said))
    sentence = _sentence(found)
    return Step(stage, rule, _json(said)) if sentence is None else Step(stage, rule, sentence, because=found)


def _pair(reason: Reason) -> list[object]:
    arguments = {name: _pair(each) if isinstance(each, Reason) else each for name, each in reason.arguments.items()}
    return [_name(reason.wording), arguments] if arguments else [_name(reason.wording)]


def _reason(said: object) -> Reason | None:
    """The reason in a pair; None for a text, or for a wording that this version does not have."""
    match said:
        case [str(name)] if name in KNOWN:
            return Reason(KNOWN[name], {})
        case [str(name), dict(arguments)] if name in KNOWN:
            found = {key: _argument(value) for key, value in arguments.items()}
            return None if None in found.values() else Reason(KNOWN[name], found)  # type: ignore[arg-type]  # no None
        case _:
            return None


def _argument(value: object) -> Argument | None:
    return value if isinstance(value, str | int) else _reason(value)


def _sentence(reason: Reason) -> str | None:
    """The sentence; None if its template has other arguments by now."""
    try:
        return reason.sentence
    except KeyError:
        return None


def _json(value: object) -> str:
    return _ENCODER.encode(value)
