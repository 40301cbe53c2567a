"""Each rule, and each kind of source, is named in one place; all others take the name from there."""

from __future__ import annotations

import ast
import re
from string import Formatter
from typing import TYPE_CHECKING, Final

import pytest

from tests.house.test_sql import docstrings, written
from tests.house.tree import PACKAGE, ROOT, modules
from trac_mailintake.intake import reasons
from trac_mailintake.intake.reasons import Rule
from trac_mailintake.intake.settings import IMAP, POP3
from trac_mailintake.mail import defects
from trac_mailintake.mail.classify import evidence
from trac_mailintake.mail.wording import Wording
from trac_mailintake.sources.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.house.tree import Module

REGISTRIES: Final = (reasons, defects, evidence)
"""The modules in which sentences stand."""
SLUGS: Final = frozenset(reasons.RULES) | {wording.slug for wording in defects.WORDINGS}
MEANT_OTHERWISE: Final[Mapping[str, str]] = {
    "allow": "a parameter",
    "block": "a parameter",
    "bulk": "a parameter, an origin, a word of Precedence",
    "cc": "a header field, a ticket field",
    "commit-log": "the handler that the rule is named after",
    "create": "the handler that the rule is named after, an action of Trac's workflow",
    "duplicate": "an outcome",
    "failed": "a column, the end of a round trip",
    "list": "an origin, a word of Precedence",
    "message-id": "a header field",
    "new": "a choice of `stranger` and `closed`, a folder of a Maildir, an argument of commands and pages",
    "overdue": "a setting, a column",
    "probe": "the group of commands",
    "proof": "an attribute of senders and of answers of plugins",
    "proved": "a choice of `acknowledge`",
    "sender": "a header field, a column, a filter",
    "start": "a setting, a column, an attribute of HTML",
    "stopped": "a column, a key of JSON",
    "stranger": "a parameter",
    "subject": "a header field, a column",
}
"""Slugs that are words for other things as well, which are written as they are; as rules they must not be."""
PROTOCOLS: Final[Mapping[str, str]] = {
    IMAP: "trac_mailintake/intake/settings/service.py",
    POP3: "trac_mailintake/intake/settings/service.py",
}
"""Kinds that have the name of a protocol, and the module that names that."""

_RULES: Final = {"rule", "slug"}
_FIRST: Final = {"Hold", "Forward", "Reject", "Ignore", "Discard", "NewTicket", "Defect", "Wording", "Rule", "rule"}
"""What takes a rule first."""
_SECOND: Final = {"Step", "Outcome", "Followup"}
_IN_SQL: Final = re.compile(r"\brule\s*(?:=|<>|!=|IN\s*\()\s*'", re.IGNORECASE)


def ours() -> list[Module]:
    """The package's modules but those that name the slugs."""
    names = {f"{each.__name__.replace('.', '/')}.py" for each in REGISTRIES}
    return [each for each in modules() if each.within("trac_mailintake") and each.name not in names]


def literals(tree: ast.Module) -> Iterator[ast.Constant]:
    """Every string that does something."""
    idle = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in idle:
            yield node


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _of_call(node: ast.Call) -> Iterator[ast.AST]:
    name = _name(node.func)
    yield from (keyword.value for keyword in node.keywords if keyword.arg in _RULES)
    yield from node.args[:1] if name in _FIRST else node.args[1:2] if name in _SECOND else ()


def _of_comparison(node: ast.Compare) -> Iterator[ast.AST]:
    sides = (node.left, *node.comparators)
    if any(_name(side) in _RULES for side in sides):
        for side in sides:
            yield from ast.walk(side)


def _of_dict(node: ast.Dict) -> Iterator[ast.AST]:
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and key.value in _RULES:
            yield value


def as_rules(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of each string that stands where a rule is meant, whatever it says."""
    for node in ast.walk(tree):
        places: Iterator[ast.AST] = iter(())
        if isinstance(node, ast.Call):
            places = _of_call(node)
        elif isinstance(node, ast.Compare):
            places = _of_comparison(node)
        elif isinstance(node, ast.Dict):
            places = _of_dict(node)
        elif _IN_SQL.search(written(node)):
            yield getattr(node, "lineno", 0), written(node)[:60]
        for place in places:
            if isinstance(place, ast.Constant) and isinstance(place.value, str) and place.value:
                yield place.lineno, place.value


def slugs(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of each string that is the slug of a rule, or that stands in the place of one."""
    for node in literals(tree):
        if node.value in SLUGS and node.value not in MEANT_OTHERWISE:
            yield node.lineno, str(node.value)
    yield from as_rules(tree)


def test_no_slug_is_written_elsewhere() -> None:
    """Neither to give a reason nor to recognise one."""
    found = [f"{module.name}:{line} {text}" for module in ours() for line, text in slugs(module.tree)]
    assert not found, "\n".join(["", *found])


def test_words_that_mean_something_else_are_still_in_use() -> None:
    """A word that nothing else is called any more is no exception."""
    used = {node.value for module in ours() for node in literals(module.tree)}
    assert [word for word in MEANT_OTHERWISE if word not in used or word not in SLUGS] == []


@pytest.mark.parametrize(
    "text",
    [
        'f("max-size")',
        'Hold("subject", sentence)',
        'Hold(rule="subject", reason=sentence)',
        'Step("route", "subject", sentence)',
        'outcome.rule == "failed"',
        '"failed" == step.rule',
        'outcome.rule in ("failed", "crashes")',
        '{"outcome": "held", "rule": "new"}',
        "db(\"UPDATE x SET state=%s, rule='start' WHERE id=1\")",
        "db(f\"SELECT {x} FROM y WHERE rule = 'stopped'\")",
        'rule("list")',
        'model.Ignore("acme", "any slug of our own that is not in the registry")',
    ],
)
def test_a_slug_is_recognised(text: str) -> None:
    """The check finds what the rule forbids."""
    assert list(slugs(ast.parse(text)))


@pytest.mark.parametrize(
    "text", ['fields.get("subject")', 'Parameter("allow", kind)', '"""max-size"""', 'row["failed"] == "x"', 'f("rule")']
)
def test_other_words_are_no_slugs(text: str) -> None:
    """Header fields, columns and parameters are called so, too."""
    assert not list(slugs(ast.parse(text)))


def test_each_kind_of_source_is_named_where_it_is_made() -> None:
    """Once; and twice where it is a protocol as well. What depends on a kind asks what the kind says of itself."""
    for kind in KINDS:
        # The module of the function that opens it.
        home = f"{kind.open.__module__.replace('.', '/')}"
        allowed = sorted([*([PROTOCOLS[kind.name]] if kind.name in PROTOCOLS else []), _file(home)])
        found = sorted(module.name for module in ours() for node in literals(module.tree) if _is_kind(node, kind.name))
        assert found == allowed, kind.name


def test_no_page_knows_a_kind_or_a_rule() -> None:
    """Templates and scripts neither."""
    names = "|".join(sorted((SLUGS - MEANT_OTHERWISE.keys()) | {kind.name for kind in KINDS}))
    quoted = re.compile(rf"""["'](?:{names})["']""")
    pages = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "templates").rglob("*.js")]
    assert pages
    assert [str(page) for page in pages if quoted.search(page.read_text("utf-8"))] == []


def _is_kind(node: ast.Constant, name: str) -> bool:
    return node.value == name or str(node.value).startswith(f"{name}:")


def _file(module: str) -> str:
    package = PACKAGE.parent / module
    return f"{module}/__init__.py" if package.is_dir() else f"{module}.py"


WORDINGS: Final[Mapping[str, Rule | Wording]] = {
    name: each
    for registry in REGISTRIES
    for name, each in vars(registry).items()
    if isinstance(each, Rule | Wording) and name.isupper() and not name.startswith("_")
}


def sentences() -> Iterator[tuple[str, str, ast.Call | None]]:
    """Where a sentence of the registries is named in the package: place, its constant's name, the call if it is one."""
    for module in ours():
        imported = set(_imported(module.tree))
        calls = {id(node.func): node for node in ast.walk(module.tree) if isinstance(node, ast.Call)}
        for node in ast.walk(module.tree):
            of_registry = isinstance(node, ast.Attribute) and _name(node.value) in {
                _last(each.__name__) for each in REGISTRIES
            }
            if (of_registry or (isinstance(node, ast.Name) and node.id in imported)) and _name(node) in WORDINGS:
                yield f"{module.name}:{getattr(node, 'lineno', 0)}", _name(node), calls.get(id(node))


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in {each.__name__ for each in REGISTRIES}:
            yield from (each.name for each in node.names)


def test_each_sentence_is_given_its_arguments() -> None:
    """By name, all of them, and no others: a sentence is made where nobody can ask for what is missing."""
    wrong = []
    for place, name, call in sentences():
        if call is not None:
            wanted = {argument for _, argument, _, _ in Formatter().parse(WORDINGS[name].text) if argument}
            if {keyword.arg for keyword in call.keywords} != wanted or call.args:
                wrong.append(f"{place} {name}: {', '.join(sorted(wanted))}")
    assert not wrong, "\n".join(["", *wrong])


def test_each_sentence_is_said_somewhere() -> None:
    """One that nobody says any more goes."""
    assert WORDINGS.keys() - {name for _, name, _ in sentences()} == set()


def test_no_two_sentences_are_confused() -> None:
    """A slug is one rule's or one defect's, and its sentences are told apart by their form."""
    every = [each for each in WORDINGS.values() if isinstance(each, Wording)]
    every += [each.wording for each in WORDINGS.values() if isinstance(each, Rule)]
    assert len({(each.slug, each.form) for each in every}) == len(every)
    assert not reasons.RULES.keys() & {wording.slug for wording in defects.WORDINGS}
