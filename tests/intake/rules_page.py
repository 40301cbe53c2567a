"""The tables of rules in `docs/behaviour.md`, made from the rules themselves: `python -m tests.intake.rules_page`."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons
from trac_mailintake.mail import defects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trac_mailintake.intake.reasons import Rule
    from trac_mailintake.mail.wording import Wording

BEHAVIOUR: Final = Path(__file__).parents[2] / "docs" / "behaviour.md"

_MARKED: Final = "(?<=<!-- {0}: made by python -m tests.intake.rules_page -->\n).*?(?=<!-- end of {0} -->)"


def filled(page: str) -> str:
    """The page with the tables as they have to be. Raises LookupError for one that has no place there."""
    page = _with(page, "rules", "| rule | stage | it says | besides |", map(_rule, reasons.RULES.values()))
    return _with(page, "defects", "| defect | it says |", map(_defect, dict.fromkeys(_slugs())))


def _with(page: str, name: str, head: str, rows: Iterable[str]) -> str:
    """The page with one of its tables."""
    line = "|" + " --- |" * (head.count("|") - 1)
    table = "\n".join(["", head, line, *rows, "", ""])
    page, found = re.subn(_MARKED.format(name), lambda _: table, page, flags=re.DOTALL)
    if found != 1:
        raise LookupError(name)
    return page


def _rule(rule: Rule) -> str:
    besides = {
        "its sender is told, with `notify_sender=refused`": rule.told,
        "an administrator is told": rule.alarming or rule.stage == "service",
        "another service may take it": rule.leaves,
    }
    said = _said(rule.slug, (rule.wording, *reasons.WORDINGS))
    return f"| `{rule.slug}` | {rule.stage} | {said} | {'; '.join(each for each, so in besides.items() if so)} |"


def _defect(slug: str) -> str:
    return f"| `{slug}` | {_said(slug, defects.WORDINGS)} |"


def _slugs() -> Iterator[str]:
    return (wording.slug for wording in defects.WORDINGS)


def _said(slug: str, wordings: Iterable[Wording]) -> str:
    """The sentences of a slug, their arguments in italics."""
    sentences = (_shown(wording.text) for wording in wordings if wording.slug == slug)
    return "<br>".join(sentences).replace("|", "\\|")


def _shown(template: str) -> str:
    return "".join(text + _argument(name or "") for text, name, _, _ in Formatter().parse(template))


def _argument(name: str) -> str:
    """In italics; a clause that may be missing, which begins with a blank, is shown itself."""
    clause = next((each for each in reasons.WORDINGS if not each.slug and each.form == name), None)
    if clause is not None and clause.text.startswith(" "):
        return f" [{_shown(clause.text.strip())}]"
    return f"*{name}*" if name else ""


if __name__ == "__main__":
    BEHAVIOUR.write_text(filled(BEHAVIOUR.read_text("utf-8")), encoding="utf-8")
