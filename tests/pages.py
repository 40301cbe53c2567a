"""What `docs/handlers.md` and `docs/hooks.md` tell of the product, made from the product: `python -m tests.pages`.

In the first these are the tables of parameters, in the second what stands between `<!-- HOOK -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.fakes import FakeReader
from trac_mailintake.plugins.hooks import Rules
from trac_mailintake.plugins.registry import load
from trac_mailintake.sources import kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trac_mailintake.intake.settings import Parameter

_DOCS: Final = Path(__file__).parents[1] / "docs"
HANDLERS: Final = _DOCS / "handlers.md"
HOOKS: Final = _DOCS / "hooks.md"
EVERY: Final = "Every service"
"""The heading of the parameters that do not depend on the handler."""

_LIST: Final = re.compile(r"^(<!-- (mailintake_\w+) -->\n)(?:.*\n)*?(<!-- end -->)$", re.MULTILINE)
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


def told(page: str) -> str:
    """The page of hooks with each list of what the product has as it has to be. Raises KeyError for an unknown hook."""
    return _LIST.sub(lambda match: f"{match[1]}{_LISTS[match[2]]()}\n{match[3]}", page)


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


def _sources() -> str:
    rows = ["| kind | is | `afterwards` |", "| --- | --- | --- |"]
    for kind in Rules(FakeReader(), bundled=(kinds,), group="none").kinds.values():
        words = ", ".join(f"`{word.value}`" for word in kind.afterwards) or "-"
        rows.append(f"| `{kind.name}` | {kind.label} | {words} |")
    return "\n".join(["Built in (`trac_mailintake/sources/kinds.py`):", "", *rows])


def _handlers() -> str:
    rows = [f"- `{each.name}`: {each.label}" for each in Rules(FakeReader(), group="none").handlers.values()]
    return "\n".join(["Built in ([handlers](handlers.md) has their parameters):", "", *rows])


def _screens() -> str:
    return f"Built in, in the order in which they are asked: {_links('mailintake_screen')}."


def _routes() -> str:
    return f"Built in: {_links('mailintake_route')}."


def _amendments() -> str:
    return f"Built in, the outermost first: {_links('mailintake_change')}."


def _links(hook: str) -> str:
    """The modules that implement a hook, in the order in which they are asked."""
    names: Sequence[str] = [each.plugin_name for each in load((), (), "none").implementations(hook)]
    return ", ".join(f"[`{name.split('.')[-1]}`](../{name.replace('.', '/')}.py)" for name in reversed(names))


_LISTS: Final[dict[str, Callable[[], str]]] = {
    "mailintake_sources": _sources,
    "mailintake_handlers": _handlers,
    "mailintake_screen": _screens,
    "mailintake_route": _routes,
    "mailintake_change": _amendments,
}


if __name__ == "__main__":
    for path, made in ((HANDLERS, filled), (HOOKS, told)):
        path.write_text(made(path.read_text("utf-8")), encoding="utf-8")
