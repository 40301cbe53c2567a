"""Plugins that are installed."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import pytest

from trac_mailintake.plugins.registry import GROUP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Installs plugins of one module, as pip would: a module, and metadata with an entry point."""
    monkeypatch.syspath_prepend(str(tmp_path))
    names = []

    def install(name: str, source: str, *, entry: bool = True) -> None:
        lines = source.splitlines()
        indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
        body = "\n".join(line[indent:] for line in lines)
        (tmp_path / f"{name}.py").write_text(f"from trac_mailintake.api import hookimpl\n{body}\n", "utf-8")
        names.append(name)
        if entry:
            metadata = tmp_path / f"{name}-1.0.dist-info"
            metadata.mkdir()
            (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", "utf-8")
            (metadata / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {name}\n", "utf-8")
        importlib.invalidate_caches()

    yield install
    for name in names:
        sys.modules.pop(name, None)
