"""The project's own files, as git or the folders know them."""

from __future__ import annotations

import ast
import functools
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "trac_mailintake"
_CODE = ("trac_mailintake", "templates", "tests", "benchmarks", "examples")


@dataclass(frozen=True, slots=True)
class Module:
    """A Python file; `name` is its path below the project, for messages."""

    name: str
    text: str
    tree: ast.Module

    def within(self, folder: str) -> bool:
        """Whether it lies below a folder of the project."""
        return self.name.startswith(f"{folder}/")


@functools.cache
def modules() -> tuple[Module, ...]:
    """All Python files of ours."""
    paths = sorted(path for folder in _CODE for path in (ROOT / folder).rglob("*.py"))
    return tuple(
        Module(path.relative_to(ROOT).as_posix(), text := path.read_text(encoding="utf-8"), ast.parse(text))
        for path in paths
        if not {"build", "__pycache__"} & set(path.parts)
    )


def tracked() -> tuple[Path, ...]:
    """The files that git keeps, those to be added included; () where there is no git (an unpacked sdist)."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    names = listed.stdout.decode("utf-8").split("\0") if listed.returncode == 0 else []
    return tuple(path for name in names if name and (path := ROOT / name).is_file())
