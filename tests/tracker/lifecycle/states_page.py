"""The diagram and the table of states in `docs/internals.md`: `python -m tests.tracker.lifecycle.states_page`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trac_mailintake.tracker.lifecycle.states import AT_WORK, FINAL, NEXT, RECORDED, Event, State, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

INTERNALS: Final = Path(__file__).parents[3] / "docs" / "internals.md"
_BEGIN: Final = "<!-- states: made by python -m tests.tracker.lifecycle.states_page -->\n"
_END: Final = "<!-- end of states -->"
_DECISIONS: Final = frozenset(RECORDED.values())


def diagram() -> str:
    """The table of states as Mermaid draws it. The decisions are drawn once: they lead from each state at work."""
    inside = [f"        {state.value}" for state in State if state in AT_WORK]
    arrows = [f"    {before} --> {after}: {', '.join(events)}" for (before, after), events in _arrows().items()]
    decided = [f"    at_work --> {_named(ways[State.CLAIMED])}: {event.value}" for event, ways in _decisions()]
    return "\n".join(["stateDiagram-v2", "    state at_work {", *inside, "    }", *arrows, *decided])


def _decisions() -> Iterator[tuple[Event, Mapping[State | None, State | None]]]:
    return ((event, ways) for event, ways in NEXT.items() if event in _DECISIONS)


def _arrows() -> dict[tuple[str, str], list[str]]:
    """By states, the events that lead from one to the other, except the decisions of a worker, and the end."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for event, ways in NEXT.items():
        for before, after in ways.items():
            if event is not Event.FORGET and not (event in _DECISIONS and before in AT_WORK):
                arrows.setdefault((_named(before), _named(after)), []).append(event.value)
    return arrows


def _named(state: State | None) -> str:
    return state.value if state else "[*]"


def table() -> str:
    """A row for each state that is not final, and one for the final ones: what each event makes of it."""
    lines = ["| state | in the journal | events |", "| --- | --- | --- |"]
    for state in (*(each for each in State if each not in FINAL), None):
        after = [(event, ways[state]) for event, ways in NEXT.items() if state in ways and event not in _DECISIONS]
        said = "; ".join(f"{event.value} → {_named(to)}" for event, to in after)
        if state in AT_WORK:
            said += "; each decision → its state"
        elif state is State.HELD:
            said += f"; {Event.DISCARD.value} → {State.DISCARDED.value}"
        lines.append(f"| {f'`{state.value}`' if state else '(no row)'} | {shown(state) if state else ''} | {said} |")
    final = ", ".join(f"`{state.value}`" for state in State if state in FINAL)
    lines.append(f"| {final} | the same word | {Event.FORGET.value} → (no row) |")
    return "\n".join(lines)


def filled(page: str) -> str:
    """The page with diagram and table as they have to be. Raises LookupError if it has no place for them."""
    made = f"{_BEGIN}\n```mermaid\n{diagram()}\n```\n\n{table()}\n\n{_END}"
    page, found = re.subn(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", lambda _: made, page, flags=re.DOTALL)
    if found != 1:
        raise LookupError("states")
    return page


if __name__ == "__main__":
    INTERNALS.write_text(filled(INTERNALS.read_text("utf-8")), "utf-8")
