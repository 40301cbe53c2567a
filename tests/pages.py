"""The tables of parameters in `docs/handlers.md`, made from the parameters themselves: `python -m tests.pages`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.fakes import FakeReader
from trac_mailintake.plugins.hooks import Rules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trac_mailintake.intake.settings import Parameter

HANDLERS: Final = Path(__file__).parents[1] / "docs" / "handlers.md"
EVERY: Final = "Every service"
"""The heading of the parameters that do not depend on the handler."""

_TABLE: Final = re.compile(r"^\| parameter \|.*?(?:\n(?!\|)|\Z)", re.DOTALL | re.MULTILINE)


def filled(page: str) -> str:
    """The page with each section's table as it has to be. Raises LookupError for a section without one."""
    rules = Rules(FakeReader(), group="none")
    for name, handler in rules.handlers.items():
        page = _with(page, f"`{name}`", handler.parameters)
    ours = {parameter.name for handler in rules.handlers.values() for parameter in handler.parameters}
    common = [each for each in rules.parameters("create-or-comment") if each.name not in ours]
    # Handlers of which each gives a rule's parameter another default or other choices: the rule's own is here.
    common += [each for each in rules.parameters("create-or-comment") if each.name in ("bulk", "closed")]
    return _with(page, EVERY, sorted(common, key=lambda each: each.name))


def headings(page: str) -> list[str]:
    """The handlers that the page describes."""
    return re.findall(r"^## `([a-z-]+)`$", page, re.MULTILINE)


def _with(page: str, heading: str, parameters: Iterable[Parameter]) -> str:
    begin = page.find(f"\n## {heading}\n")
    end = page.find("\n## ", begin + 1) if page.find("\n## ", begin + 1) != -1 else len(page)
    section = page[begin:end]
    if begin == -1 or not _TABLE.search(section):
        raise LookupError(heading)
    return page[:begin] + _TABLE.sub(lambda _: _table(parameters), section, count=1) + page[end:]


def _table(parameters: Iterable[Parameter]) -> str:
    rows = ["| parameter | is | default | means |", "| --- | --- | --- | --- |"]
    for each in parameters:
        kind = ", ".join(f"`{choice}`" for choice in each.choices) if each.choices else each.kind.value
        default = each.write(each.default)
        rows.append(f"| `{each.name}` | {kind} | {f'`{default}`' if default else ''} | {each.help} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    HANDLERS.write_text(filled(HANDLERS.read_text("utf-8")), encoding="utf-8")
