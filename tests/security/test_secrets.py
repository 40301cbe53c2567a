"""Keys and passwords: how they are made, compared, kept and not shown."""

from __future__ import annotations

import ast
import logging
import multiprocessing
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from trac_mailintake.intake.settings import Server
from trac_mailintake.sources.local import files
from trac_mailintake.tracker.config.secrets import KEY_FILE as SECRET_KEY_FILE
from trac_mailintake.tracker.config.secrets import Secrets
from trac_mailintake.tracker.config.servers import Servers
from trac_mailintake.tracker.people import reply_address
from trac_mailintake.tracker.people.reply_address import KEY_FILE, Keys, load_keys

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv

PASSWORD = "correct horse battery"


def comparisons(function: ast.FunctionDef) -> set[str]:
    """How a function compares: `==` and its like, and the calls that do."""
    operators = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
    compares = [node for node in ast.walk(function) if isinstance(node, ast.Compare)]
    plain = {type(each).__name__ for node in compares for each in node.ops if isinstance(each, operators)}
    called = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    names = {each.attr for each in called if isinstance(each, ast.Attribute)}
    return plain | (names & {"compare_digest", "startswith", "endswith", "find", "index"})


def test_signatures_are_compared_in_constant_time() -> None:
    """By hmac.compare_digest and by nothing else, with all keys each time; in no loop that ends early."""
    tree = ast.parse(Path(reply_address.__file__).read_text(encoding="utf-8"))
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for name in ("verify", "vouched"):
        assert comparisons(functions[name]) == {"compare_digest"}, name
        assert not [node for node in ast.walk(functions[name]) if isinstance(node, ast.For | ast.While)]


def _load(path: str, barrier: object, results: object) -> None:
    from trac.env import Environment  # noqa: PLC0415 - in the process that is begun

    env = Environment(path)
    barrier.wait()  # type: ignore[attr-defined]  # a Barrier
    token = Secrets(env).keep(PASSWORD)
    results.put((load_keys(env).keys, token))  # type: ignore[attr-defined]  # a Queue


def test_processes_that_make_the_keys_at_the_same_moment_have_the_same(sqlite_env: TracEnv) -> None:
    """One key wins, whole; what was encrypted and signed by either can be read by both."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    workers = [context.Process(target=_load, args=(str(sqlite_env.path), barrier, results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    found = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(30)
    assert len({keys for keys, _ in found}) == 1
    secrets = Secrets(sqlite_env.env)
    assert {secrets.reveal(token) for _, token in found} == {PASSWORD}
    conf = sqlite_env.path / "conf"
    assert sorted(path.name for path in conf.iterdir() if "mailintake" in path.name) == [KEY_FILE, SECRET_KEY_FILE]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_keys_are_their_owners_whatever_the_umask(sqlite_env: TracEnv, umask: int) -> None:
    """0600 from the first moment on, without a time at which others could open them."""
    before = os.umask(umask)
    try:
        load_keys(sqlite_env.env)
        Secrets(sqlite_env.env).keep(PASSWORD)
    finally:
        os.umask(before)
    for name in (KEY_FILE, SECRET_KEY_FILE):
        assert stat.S_IMODE((sqlite_env.path / "conf" / name).stat().st_mode) == 0o600


def test_a_reply_key_that_others_may_read_is_told_of(sqlite_env: TracEnv) -> None:
    """It goes on verifying, since mail is under way, but each use of it is a warning in the log."""
    load_keys(sqlite_env.env)
    assert "chmod 600" not in sqlite_env.log()
    (sqlite_env.path / "conf" / KEY_FILE).chmod(0o644)
    keys = load_keys(sqlite_env.env)
    assert keys.verify(7, keys.sign(7))
    logging.shutdown([])
    assert "chmod 600" in sqlite_env.log()


def test_no_repr_tells_a_secret(sqlite_env: TracEnv) -> None:
    """What a traceback, a log line or a debugger would show of the values that hold them."""
    keys = load_keys(sqlite_env.env)
    servers = Servers(sqlite_env.env)
    server = servers.add("first", {"host": "mail.example.org", "username": "ann", "password": PASSWORD})
    assert isinstance(server, Server)
    for value in (keys, servers, server, Secrets(sqlite_env.env), Keys((b"0123456789abcdef",))):
        assert PASSWORD not in repr(value)
        assert "fernet:" not in repr(value)
        assert keys.keys[0].decode() not in repr(value)
        assert "0123456789abcdef" not in repr(value)


def test_a_copy_of_the_database_and_the_files_tells_no_password(sqlite_env: TracEnv) -> None:
    """Who steals all but `conf/` has names of servers, and nothing to log in with."""
    Servers(sqlite_env.env).add("first", {"host": "mail.example.org", "username": "ann", "password": PASSWORD})
    reply = load_keys(sqlite_env.env).keys[0]
    key = (sqlite_env.path / "conf" / SECRET_KEY_FILE).read_bytes().strip()
    for path in sqlite_env.path.rglob("*"):
        if path.is_file() and path.parent.name != "conf":
            content = path.read_bytes()
            assert PASSWORD.encode() not in content, path
            assert key not in content, path
            assert reply not in content, path


def test_a_file_planted_by_another_user_is_not_written_through(tmp_path: Path) -> None:
    """Where mail is moved to another file system, a link under the name of the copy in progress leads nowhere."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK) or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other file system")
    target = shared / f"mailintake-security-{os.getpid()}"
    target.mkdir()
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "mail.eml").write_text("From: a@example.net\n\nx\n")
    try:
        (target / f".mailintake-{os.getpid()}.tmp").symlink_to(victim)
        files.move(str(tmp_path / "mail.eml"), str(target), "mail.eml")
        assert victim.read_text() == "precious"
        assert (target / "mail.eml").read_text().startswith("From:")
        assert not (target / "mail.eml").is_symlink()
    finally:
        for path in target.iterdir():
            path.unlink()
        target.rmdir()
