"""Users of one host: root locks nobody out, two users of one group work together, and others see nothing.

Every command here runs in a process of the user whom it is about.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, Final

import pytest

from tests.rig import SERVICE, Rig, mail
from tests.servers.other_user import (
    OWNER,
    PIPE,
    PYTHON,
    SHARED,
    acting_as,
    admin,
    files,
    give,
    only_root,
    open_to_all,
    pipe,
    run_as,
)
from tests.servers.wsgi import Reader
from trac_mailintake.bootstrap import settings_of
from trac_mailintake.tracker.config.servers import Servers
from trac_mailintake.tracker.file_owner import KEY_FILES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

pytestmark = [only_root, pytest.mark.sqlite]

ROOT: Final = (0, 0)
MUST_NOT: Final = (
    ("run",),
    ("run", SERVICE, "--force"),
    ("server", "add", "new", "host=mail.example.org", "password=sesame"),
    ("service", "set", SERVICE, "delay=7"),
    ("service", "disable", SERVICE),
    ("claim",),
    ("purge",),
    ("queue", "flush"),
    ("archive", "refile", "--yes"),
    ("held", "retry", "all"),
    ("probe", SERVICE),
)
MAY: Final = (
    ("status",),
    ("service", "list"),
    ("server", "list"),
    ("journal", "list"),
    ("held", "list"),
    ("queue", "list"),
    ("archive", "list"),
    ("contact", "list"),
)


@pytest.fixture
def rig(sqlite_env: TracEnv) -> Iterator[Rig]:
    """An environment of `nobody` with two services and a mail; nothing of ours has run in it."""
    with open_to_all(sqlite_env) as trac:
        rig = Rig(trac, trac.path.parent)
        settings_of(trac.env).services.add("pipe", {"kind": "pipe"})
        rig.drop(mail())
        trac.close()
        (trac.path / "files").mkdir(exist_ok=True)
        give(trac.path.parent, OWNER)
        yield rig


def test_root_is_told_what_to_type_before_a_file_is_made(rig: Rig) -> None:
    """Whatever the command: with the environment as it was, and with status 2."""
    before = files(rig.trac.path)
    for words in MUST_NOT:
        done = run_as(ROOT, admin(rig.trac, "mailintake", *words))
        assert done.status == 2, (words, done)
        assert re.search(rf"sudo -u nobody \S*trac-admin {rig.trac.path} mailintake {' '.join(words[:2])}", done.err), (
            done
        )
        assert "sesame" not in done.err
    assert files(rig.trac.path) == before
    assert len(rig.left) == 1


def test_what_root_is_told_to_type_works(rig: Rig) -> None:
    """As that user, the very words file the mail."""
    told = run_as(ROOT, admin(rig.trac, "mailintake", "run")).err
    words = re.search(r"sudo -u (\S+) \S*trac-admin (.*)", told)
    assert words
    assert words[1] == "nobody"
    done = run_as(OWNER, [PYTHON, "-m", "trac.admin.console", *words[2].split()])
    assert done.status == 0, done
    assert rig.left == []
    assert {each.owner() for each in (rig.trac.path / "files").rglob("*")} == {"nobody"}


def test_root_may_look_and_makes_no_file(rig: Rig, tmp_path: Path) -> None:
    """Before anything of ours is there, and after: explain, status, lists, help, and Trac's own commands."""
    letter = tmp_path / "mail.eml"
    letter.write_bytes(mail())
    for ran in (False, True):
        if ran:
            assert run_as(OWNER, admin(rig.trac, "mailintake", "run")).status == 0
        before = files(rig.trac.path)
        done = run_as(ROOT, admin(rig.trac, "mailintake", "explain", str(letter), "--service", SERVICE))
        assert (done.status, done.out.startswith("created")) == (0, True), done
        for words in (*(("mailintake", *each) for each in MAY), ("help", "mailintake"), ("permission", "list")):
            done = run_as(ROOT, admin(rig.trac, *words))
            assert done.status in {0, 1}, (words, done)
            assert "sudo" not in done.err
        assert files(rig.trac.path) == before


@pytest.mark.parametrize("program", ["deliver", "mailintake-deliver"])
def test_a_pipe_of_roots_is_answered_75(rig: Rig, program: str) -> None:
    """With nothing taken, so that the mail server tries again once it is told whose the pipe is."""
    before = files(rig.trac.path)
    command = pipe(rig.trac, "pipe") if program != "deliver" else admin(rig.trac, "mailintake", "deliver", "pipe")
    done = run_as(ROOT, command, stdin=mail())
    assert done.status == 75
    assert "sudo -u nobody" in done.err
    assert files(rig.trac.path) == before
    assert rig.journal() == []


def test_the_web_of_root_goes_on_and_makes_no_file_of_ours(rig: Rig) -> None:
    """Pages are shown, a round is not run, and the reason is said."""
    rig.trac.grant("admin", "TRAC_ADMIN")
    rig.trac.close()
    give(rig.trac.path, OWNER)
    with rig.trac.serve("admin") as server:
        visitor = server.visitor("admin")
        before = files(rig.trac.path)
        for name in ("status", "services", "journal", "servers", "try"):
            assert visitor.get(f"/admin/mailintake/{name}").status == 200
        visitor.post("/admin/mailintake/services", {"run": SERVICE, f"run_{SERVICE}": "Run now", "sel": SERVICE})
        page = visitor.post("/admin/mailintake/try", {"service": SERVICE, "mail": mail().decode()})
        assert (page.status, "created" in page.text) == (200, True)
        assert files(rig.trac.path) == before
    assert len(rig.left) == 1


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_two_users_of_one_group_go_on_with_what_the_other_made(rig: Rig, umask: int) -> None:
    """Trac's user and the pipe's share only a group: whatever the umask, each can file after the other."""
    give(rig.trac.path, OWNER, SHARED)
    assert run_as(OWNER, admin(rig.trac, "mailintake", "keys", "share", str(SHARED)), groups=[SHARED]).status == 0
    for turn, user in enumerate((PIPE, OWNER, PIPE)):
        command = admin(rig.trac, "mailintake", "deliver", "pipe")
        done = run_as(user, command, groups=[SHARED], stdin=mail(), umask=umask)
        assert (done.status, done.err) == (0, f"created #{turn + 1} (new): The mail names no ticket.\n"), done
    assert run_as(OWNER, admin(rig.trac, "mailintake", "run"), groups=[SHARED], umask=umask).status == 0
    for each in (rig.trac.path / "files" / "mailintake").rglob("*"):
        found = each.stat()
        assert found.st_gid == SHARED, each
        assert stat.S_IMODE(found.st_mode) == (0o2770 if each.is_dir() else 0o660), each


@pytest.mark.parametrize(("mode", "umask"), [(0o700, 0o000), (0o755, 0o000), (0o777, 0o077), (0o2770, 0o077)])
def test_what_is_made_has_the_rights_of_the_folder_and_none_for_others(rig: Rig, mode: int, umask: int) -> None:
    """Archive, attachments, locks and their folders; keys are their owner's alone."""
    (rig.trac.path / "files").chmod(mode)
    rig.drop(mail("With a file", "Content-Type: application/octet-stream; name=a.bin"))
    assert run_as(OWNER, admin(rig.trac, "mailintake", "run"), umask=umask).status == 0
    made = rig.trac.path / "files" / "mailintake"
    assert any(each.suffix == ".mails" for each in made.rglob("*"))
    for each in (made, *made.rglob("*")):
        expected = 0o700 | mode & 0o2070 if each.is_dir() else 0o600 | mode & 0o060
        assert stat.S_IMODE(each.stat().st_mode) == expected, each
    for name in KEY_FILES:
        key = rig.trac.path / "conf" / name
        assert not key.exists() or stat.S_IMODE(key.stat().st_mode) == 0o600


@pytest.mark.parametrize("spoiled", ["files", "files/mailintake", "files/mailintake/workers"])
def test_others_are_refused_only_for_what_they_cannot_write(rig: Rig, spoiled: str) -> None:
    """With the file, its owner and the next step; 75 for pipes."""
    assert run_as(OWNER, admin(rig.trac, "mailintake", "run"), umask=0o077).status == 0
    give(rig.trac.path, OWNER, SHARED)
    path = rig.trac.path / spoiled
    path.chmod(0o2750)
    command = admin(rig.trac, "mailintake", "deliver", "pipe")
    done = run_as(PIPE, command, groups=[SHARED], stdin=mail())
    assert done.status == 75
    assert f"{path} belongs to nobody" in done.err
    done = run_as(PIPE, admin(rig.trac, "mailintake", "run"), groups=[SHARED])
    assert done.status == 2
    assert "run this as nobody" in done.err
    path.chmod(0o2770)
    assert run_as(PIPE, command, groups=[SHARED], stdin=mail()).status == 0


def test_nobody_but_the_owner_makes_the_keys_and_a_command_shares_them(rig: Rig) -> None:
    """A key that the pipe's user made could not be read by Trac's; one that is shared by chmod alone is told of."""
    give(rig.trac.path, OWNER, SHARED)
    conf = rig.trac.path / "conf"
    command = admin(rig.trac, "mailintake", "deliver", "pipe")
    done = run_as(PIPE, command, groups=[SHARED], stdin=mail())
    assert (done.status, "mailintake keys share GROUP" in done.err) == (75, True), done
    assert not [each for each in files(conf) if each.endswith(".key")]
    share = admin(rig.trac, "mailintake", "keys", "share", str(SHARED))
    server = admin(rig.trac, "mailintake", "server", "add", "post", "host=mail.example.org", "password=sesame")
    for words in (share, server):  # a key that is made later is shared, too
        assert run_as(OWNER, words, groups=[SHARED]).status == 0
    for name in KEY_FILES:
        found = (conf / name).stat()
        assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o640, SHARED)
    assert run_as(PIPE, command, groups=[SHARED], stdin=mail()).status == 0
    with acting_as(PIPE, SHARED):
        servers = Servers(rig.trac.env)
        assert servers.password(servers.get("post")) == "sesame"
        rig.trac.close()
    assert "Other users can read" not in rig.trac.log()
    assert run_as(OWNER, admin(rig.trac, "mailintake", "keys", "private"), groups=[SHARED]).status == 0
    for name in KEY_FILES:
        assert stat.S_IMODE((conf / name).stat().st_mode) == 0o600


def test_what_root_left_behind_is_named_with_the_next_step(rig: Rig) -> None:
    """As by a version that let root run: a folder of the archive, in which Trac's user cannot write."""
    assert run_as(OWNER, admin(rig.trac, "mailintake", "run")).status == 0
    archive = rig.trac.path / "files" / "mailintake" / "archive"
    os.chown(archive, 0, 0)
    give(archive, ROOT)
    done = run_as(OWNER, admin(rig.trac, "mailintake", "deliver", "pipe"), stdin=mail())
    assert done.status == 75
    assert re.search(rf"{archive}\S* belongs to root .*as root, type: chown -R nobody {archive}", done.err), done


def test_status_says_that_reply_addresses_cannot_be_signed(rig: Rig) -> None:
    """A key that root made: whoever asks, root, who could read it, and Trac's user; on the page, too."""
    assert run_as(OWNER, admin(rig.trac, "mailintake", "run")).status == 0
    rig.trac.grant("admin", "TRAC_ADMIN")
    give(rig.trac.path, OWNER)
    key = rig.trac.path / "conf" / KEY_FILES[1]
    assert "cannot be signed" not in run_as(ROOT, admin(rig.trac, "mailintake", "status")).out
    os.chown(key, 0, 0)
    for user in (ROOT, OWNER):
        done = run_as(user, admin(rig.trac, "mailintake", "status"))
        assert done.status == 1
        assert f"cannot be signed, so replies may not find their tickets: {key} may not be used by nobody:" in done.out
        assert f"as root, type: chown -R nobody {key}" in done.out
    assert "cannot be signed" in Reader(rig.trac, "admin").get("/admin/mailintake/status").text
    rig.trac.close()


def test_an_owner_without_a_name_is_told_by_number(rig: Rig) -> None:
    """As in containers; sudo takes the number behind a `#`."""
    give(rig.trac.path, PIPE)
    assert "sudo -u '#54321' " in run_as(ROOT, admin(rig.trac, "mailintake", "run")).err


def test_root_may_do_all_where_the_environment_is_roots(rig: Rig) -> None:
    """As in a container that runs everything as root; and an administrator's `conf` changes nothing of that."""
    give(rig.trac.path, ROOT)
    give(rig.trac.path / "conf", OWNER)
    assert run_as(ROOT, admin(rig.trac, "mailintake", "run")).status == 0
    assert rig.left == []
