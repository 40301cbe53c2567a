"""Environments and mailboxes for the tests that let things fail."""

from __future__ import annotations

import itertools
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from tests.crash import scene
from tests.crash.places import Directory, Maildir, Mbox, Pipe, Refusing, Remote, Streamed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.crash.places import Place
    from tests.crash.scene import Environments

    Places = Callable[[str], Place]

LANES = 2
"""Tries that go on at the same time."""

LOCAL: Final[Mapping[str, Callable[[Path], Place]]] = {
    "maildir": Maildir,
    "mbox": Mbox,
    "directory": Directory,
    "pipe": Pipe,
}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment on SQLite, to be copied."""
    return scene.make(tmp_path_factory.mktemp("crash") / "template")


@pytest.fixture
def on_sqlite(template: Path, tmp_path: Path) -> Environments:
    """Fresh environments on SQLite."""
    return scene.copies(template, tmp_path)


@pytest.fixture
def environments_once(on_sqlite: Environments) -> Iterator[Path]:
    """One fresh environment on SQLite."""
    with on_sqlite() as env:
        yield env


@pytest.fixture
def on_postgres(request: pytest.FixtureRequest, tmp_path: Path) -> Environments:
    """Fresh environments on PostgreSQL, as many at a time as there are lanes."""
    postgres = request.getfixturevalue("postgres")
    made = [scene.make(tmp_path / f"lane{number}", postgres.fresh_schema()) for number in range(LANES)]
    return scene.cleared(*made)


@pytest.fixture
def on_mariadb(request: pytest.FixtureRequest, tmp_path: Path) -> Environments:
    """Fresh environments on MariaDB, each in a database of its own."""
    mariadb = request.getfixturevalue("mariadb")
    numbers = itertools.count()

    @contextmanager
    def environment() -> Iterator[Path]:
        yield scene.make(tmp_path / f"mariadb{next(numbers)}", mariadb.fresh_database())

    return environment


@pytest.fixture
def environments(request: pytest.FixtureRequest) -> Environments:
    """Fresh environments on the database that the test names."""
    found: Environments = request.getfixturevalue(f"on_{request.param}")
    return found


@pytest.fixture
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Places]:
    """Makes an empty mailbox of a kind, as often as it is called."""
    servers = ExitStack()
    numbers = itertools.count()

    def make(kind: str) -> Place:
        if kind in LOCAL:
            return LOCAL[kind](tmp_path / f"{kind}{next(numbers)}")
        if kind == "imap-refusing":
            return Refusing(servers.enter_context(Refusing.serve()))
        if kind == "imap-streamed":
            return Streamed(servers.enter_context(Streamed.serve()))
        protocol, _, security = kind.partition("-")
        return Remote(request.getfixturevalue("dovecot"), protocol, security or "none")

    with servers:
        yield make
