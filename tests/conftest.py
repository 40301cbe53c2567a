"""The servers, started once a session and only when a test asks for them."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests import workers
from tests.quick import is_quick
from tests.servers.dovecot import Dovecot
from tests.servers.mariadb import MariaDB
from tests.servers.postgres import Postgres
from tests.servers.required import running
from tests.servers.smtp_sink import SmtpSink
from tests.servers.tracenv import TracEnv

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator


CHOSEN = os.environ.get("MAILINTAKE_DATABASE", "")
"""`sqlite`, `postgres` or `mariadb`: the database of all environments, where it makes no difference to the test."""

# What a change must pass is the same each time; elsewhere each run tries other examples.
hypothesis.settings.register_profile("ci", derandomize=True)
hypothesis.settings.register_profile("quick", max_examples=20)
if os.environ.get("CI") == "true":
    hypothesis.settings.load_profile("ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    """An option for `make quick`."""
    parser.addoption("--quick", action="store_true", help="only what needs no server and no environment, and is fast")


def pytest_configure(config: pytest.Config) -> None:
    """Let workers stop their servers. With `--quick`, try fewer examples of what is generated."""
    config.pluginmanager.register(workers)
    if config.getoption("--quick"):
        hypothesis.settings.load_profile("quick")


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, object, object]:
    """Let a process of pytest-xdist report what was printed, whatever it was: execnet encodes it strictly."""
    return _encodable((yield))


def _encodable(said: object) -> object:
    """The same without lone surrogates."""
    match said:
        case str():
            return said.encode("utf-8", "backslashreplace").decode("utf-8")
        case dict():
            return {key: _encodable(value) for key, value in said.items()}
        case list():
            return [_encodable(each) for each in said]
        case tuple():
            return tuple(map(_encodable, said))
    return said


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--quick`, leave out everything else."""
    if config.getoption("--quick"):
        others = [item for item in items if not is_quick(item)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if is_quick(item)]


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """IMAP and POP3 in all their ways. Take a new user for each test: `dovecot.add_user()`."""
    with running(Dovecot()) as server:
        yield server


@pytest.fixture(scope="session")
def plain_dovecot() -> Iterator[Dovecot]:
    """IMAP without MOVE and without UIDPLUS."""
    with running(Dovecot(without=("MOVE", "UIDPLUS"))) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A cluster; `postgres.fresh_schema()` is a connection string for one environment."""
    with running(Postgres()) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A server; `mariadb.fresh_database()` is a connection string for one environment."""
    with running(MariaDB()) as server:
        yield server


@pytest.fixture(scope="session")
def _one_smtp_sink() -> Iterator[SmtpSink]:
    with running(SmtpSink()) as server:
        yield server


@pytest.fixture
def smtp_sink(_one_smtp_sink: SmtpSink) -> SmtpSink:
    """Takes all mail that is sent. At the start of each test it is empty, and refuses nothing."""
    _one_smtp_sink.reset()
    return _one_smtp_sink


# Trac needs a quarter of a second to make an environment, on MariaDB three times as long: it is made once, and copied.


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> TracEnv:
    return TracEnv.create(tmp_path_factory.mktemp("template") / "env")


@pytest.fixture(scope="session")
def _postgres_template(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> TracEnv:
    return TracEnv.create(tmp_path_factory.mktemp("template") / "env", database=postgres.fresh_schema())


@pytest.fixture(scope="session")
def _mariadb_template(tmp_path_factory: pytest.TempPathFactory, mariadb: MariaDB) -> TracEnv:
    return TracEnv.create(tmp_path_factory.mktemp("template") / "env", database=mariadb.fresh_database())


@pytest.fixture
def sqlite_env(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TracEnv]:
    """A fresh environment with the plugin enabled and notifications off.

    It is on SQLite, unless the whole run is to be on another database (`make matrix`).
    """
    if CHOSEN in ("", "sqlite") or request.node.get_closest_marker("sqlite"):
        with closing(request.getfixturevalue("_sqlite_template").copied(tmp_path / "env")) as trac:
            yield trac
    else:
        yield request.getfixturevalue(f"{CHOSEN}_env")


@pytest.fixture(scope="module")
def shared_env(_sqlite_template: TracEnv, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TracEnv]:
    """An environment on SQLite for all tests of a module: for those that leave in it nothing that others would see."""
    with closing(_sqlite_template.copied(tmp_path_factory.mktemp("shared") / "env")) as trac:
        yield trac


@pytest.fixture
def postgres_env(tmp_path: Path, postgres: Postgres, _postgres_template: TracEnv) -> Iterator[TracEnv]:
    """A fresh environment on PostgreSQL with the plugin enabled and notifications off."""
    with closing(_postgres_template.copied(tmp_path / "env", postgres.copied(_postgres_template.database))) as trac:
        yield trac


@pytest.fixture
def mariadb_env(tmp_path: Path, mariadb: MariaDB, _mariadb_template: TracEnv) -> Iterator[TracEnv]:
    """A fresh environment on MariaDB with the plugin enabled and notifications off."""
    with closing(_mariadb_template.copied(tmp_path / "env", mariadb.copied(_mariadb_template.database))) as trac:
        yield trac


@pytest.fixture(params=[CHOSEN] if CHOSEN else ["sqlite", "postgres"])
def trac_env(request: pytest.FixtureRequest) -> TracEnv:
    """A fresh environment, the test being run on each database; skipped on that which is missing."""
    trac: TracEnv = request.getfixturevalue(f"{request.param}_env")
    return trac


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real mails from other projects, beside this one; not part of it."""
    folder = Path(__file__).parents[2] / "shared" / "corpus"
    if not folder.is_dir():
        pytest.skip("the corpus of real mails is not there (../shared/corpus)")
    return folder
