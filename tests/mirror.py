"""Which tests are a module's own: those at the same place below `tests/` as the module is below `trac_mailintake/`.

`trac_mailintake/mail/mime/scanner.py` has `tests/mail/mime/test_scanner.py`. More of them may follow in
`test_scanner_THEME.py`. A package whose `__init__.py` has functions has `test_init.py`.
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = ROOT / "trac_mailintake"
TESTS: Final = ROOT / "tests"

WITHOUT_OWN_TESTS: Final[Mapping[str, str]] = {
    "components/cli/actions.py": "a list of the other modules' classes; tests/components/test_commands.py calls each",
    "components/deliver.py": "a shell; tests/runs/test_deliver.py runs both of its commands",
    "components/notifications.py": "a shell; tests/tracker/outgoing/test_ticket_notifications.py sends through it",
    "hookspecs.py": "declarations; tests/test_docs.py compares them with their description",
    "mail/marks.py": "constants; the tests of mail/html/wiki_lines.py are about them",
    "builtin/unchanged.py": "it returns what it is given; the tests of amendments go through it",
    "intake/errors.py": "exceptions; whatever raises or handles one is tested",
    "intake/ports/archive.py": "a protocol; tests/fakes.py and tracker/archive implement it",
    "intake/ports/decision.py": "values; tests/intake/test_decisions.py makes each",
    "intake/ports/reader.py": "a protocol; tests/fakes.py and tracker/lookups.py implement it",
    "intake/ports/recorder.py": "protocols; tests/ledger.py and tracker/deliveries implement them",
    "intake/ports/source.py": "a protocol; tests/sources/contract.py holds each source to it",
    "intake/ports/tracker.py": "protocols; tests/fakes.py and tracker/adapter.py implement them",
    "intake/times.py": "names of types",
    "mail/limits.py": "constants; each is tested where it limits something",
    "tracker/options.py": "constants; what reads and writes each header is tested",
    "sources/net/timeouts.py": "constants; the tests of both sessions use them",
    "tracker/db/schema.py": "declarations; tests/tracker/db/upgrades compares them with the database's catalogue",
}
"""Modules that need no tests of their own, and why. `python -m tests.own_coverage` leaves them out, too."""

MEASURED_OTHERWISE: Final[Mapping[str, str]] = {
    "deliver.py": "one of its two branches is a child that ends by os._exit, of which nothing is measured",
    "intake/stages/parse.py": "half of it is a child that ends by SIGKILL, of which nothing is measured",
}
"""Modules of which `python -m tests.own_coverage` cannot see all that their tests cover, and why."""


@functools.cache
def modules() -> tuple[str, ...]:
    """The product's modules by their paths below the package; an `__init__.py` only if it has functions."""
    names = (path.relative_to(PACKAGE).as_posix() for path in sorted(PACKAGE.rglob("*.py")))
    return tuple(name for name in names if not name.endswith("__init__.py") or _acts(PACKAGE / name))


def _acts(path: Path) -> bool:
    tree = ast.parse(path.read_text("utf-8"))
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(tree))


def wanted(module: str) -> Path:
    """Where the tests of a module are, whether they are there or not."""
    path = Path(module)
    return TESTS / path.parent / f"test_{path.stem.strip('_')}.py"


def own_tests(module: str) -> tuple[Path, ...]:
    """The test modules of a module. `test_escape_mixed.py` belongs to `escape_mixed.py`, not to `escape.py`."""
    first = wanted(module)
    if not first.is_file():
        return ()
    others = {wanted(each).stem for each in modules() if Path(each).parent == Path(module).parent} - {first.stem}
    themes = (path for path in sorted(first.parent.glob(f"{first.stem}_*.py")))
    longer = tuple(each for each in others if each.startswith(first.stem))
    return (first, *(path for path in themes if not path.stem.startswith(longer)))
