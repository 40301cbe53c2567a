"""In every way in which a plugin can be installed, it works: enabled, upgraded, fetching a mail, showing its page.

Each way has an interpreter of its own, which borrows the libraries of this one but not the product. Nothing is
downloaded, and nothing is written into the checkout.
"""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.house.tree import ROOT
from tests.servers.tracenv import SQLITE, TracEnv

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.tracenv import Finished

pytestmark = pytest.mark.packaging

MAIL = b"""\
From: Ann Example <ann@example.org>
To: support@example.org
Subject: The lamp does not light
Date: Sun, 22 Nov 2026 10:00:00 +0000
Message-ID: <lamp@example.org>

It did yesterday.
"""


def run(*words: str, cwd: Path) -> str:
    """Run a program, and return what it said; fails with that when it fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, to build in."""
    folder = tmp_path_factory.mktemp("source") / "trac_mailintake"
    left_out = shutil.ignore_patterns(".*", "build", "dist", "demo", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, folder, ignore=left_out)
    return folder


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is installed here, but for the product."""
    folder = tmp_path_factory.mktemp("libraries")
    for packages in map(Path, site.getsitepackages()):
        for entry in packages.iterdir():
            if "trac_mailintake" not in entry.name and not (folder / entry.name).exists():
                (folder / entry.name).symlink_to(entry)
    return folder


@pytest.fixture
def interpreter(tmp_path: Path, libraries: Path) -> Path:
    """A fresh interpreter that has Trac, and not the product."""
    home = tmp_path / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    [packages] = home.glob("lib/python*/site-packages")
    (packages / "libraries.pth").write_text(f"{libraries}\n", encoding="utf-8")
    return home / "bin" / "python"


def build(source: Path, what: str, into: Path) -> Path:
    """A wheel, an sdist or an egg, in a folder of its own."""
    if what == "egg":
        run(sys.executable, "-c", "import setuptools; setuptools.setup()", "bdist_egg", "-d", str(into), cwd=source)
    else:
        run(sys.executable, "-m", "build", f"--{what}", "--no-isolation", "--outdir", str(into), ".", cwd=source)
    [built] = into.iterdir()
    return built


def install(interpreter: Path, *what: str) -> None:
    """`pip install`, as an administrator would, but without the network."""
    pip = (sys.executable, "-m", "pip", "--python", str(interpreter), "install", "--root-user-action=ignore")
    run(*pip, "--quiet", "--no-index", "--no-deps", "--no-build-isolation", *what, cwd=interpreter.parent)


def by_folder(interpreter: Path, source: Path, _: Path) -> None:
    """`pip install .`."""
    install(interpreter, str(source))


def by_wheel(interpreter: Path, source: Path, built: Path) -> None:
    """`pip install trac_mailintake-….whl`."""
    install(interpreter, str(build(source, "wheel", built)))


def by_sdist(interpreter: Path, source: Path, built: Path) -> None:
    """`pip install trac_mailintake-….tar.gz`."""
    install(interpreter, str(build(source, "sdist", built)))


def editable(interpreter: Path, source: Path, _: Path) -> None:
    """`pip install -e .`."""
    install(interpreter, "-e", str(source))


def new_environment(folder: Path, interpreter: Path) -> TracEnv:
    """An environment made by the interpreter, in which strangers may open tickets."""
    trac = TracEnv(folder / "env", python=str(interpreter))
    succeed(trac, "initenv", "Project", SQLITE)
    succeed(trac, "permission", "add", "anonymous", "TICKET_CREATE", "TICKET_APPEND")
    succeed(trac, "permission", "add", "admin", "TRAC_ADMIN")
    return trac


def succeed(trac: TracEnv, *words: str) -> Finished:
    """Run a command that must succeed."""
    done = trac.admin(*words)
    assert done.status == 0, f"{' '.join(words)}\n{done.out}\n{done.err}\n{faults(trac)}"
    return done


def faults(trac: TracEnv) -> str:
    """The errors in Trac's log."""
    return "\n".join(line for line in trac.log().splitlines() if " ERROR: " in line)


def fetches_a_mail_and_shows_it(trac: TracEnv, folder: Path) -> None:
    """From `upgrade` to a page of the plugin's own, with nothing but what an administrator types."""
    succeed(trac, "upgrade", "--no-backup")
    mailbox = folder / "Maildir"
    for name in ("cur", "new", "tmp"):
        (mailbox / name).mkdir(parents=True)
    (mailbox / "new" / "1.M1P1.test").write_bytes(MAIL)
    succeed(trac, "mailintake", "service", "add", "support", "kind=maildir", f"path={mailbox}")
    succeed(trac, "mailintake", "run", "support", "--force")
    assert "created" in succeed(trac, "mailintake", "journal", "list").out
    with trac.serve("admin") as tracd:
        assert "The lamp does not light" in tracd.visitor().get("/ticket/1").text
        page = tracd.visitor("admin").get("/admin/mailintake/journal")
    assert page.status == 200, faults(trac)
    assert "The lamp does not light" in page.text


@pytest.mark.parametrize("way", [by_folder, by_wheel, by_sdist, editable])
def test_works_when_installed_by_pip(
    way: Callable[[Path, Path, Path], None], interpreter: Path, source: Path, tmp_path: Path
) -> None:
    """Enabled in trac.ini, as plugins that pip installed must be."""
    (tmp_path / "built").mkdir()
    way(interpreter, source, tmp_path / "built")
    assert (interpreter.parent / "mailintake-deliver").is_file()
    trac = new_environment(tmp_path, interpreter)
    succeed(trac, "config", "set", "components", "trac_mailintake.*", "enabled")
    fetches_a_mail_and_shows_it(trac, tmp_path)


def test_works_as_an_egg_in_plugins(interpreter: Path, source: Path, tmp_path: Path) -> None:
    """Zipped, and enabled by lying there."""
    (tmp_path / "built").mkdir()
    trac = new_environment(tmp_path, interpreter)
    egg = shutil.copy(build(source, "egg", tmp_path / "built"), trac.path / "plugins")
    assert Path(egg).is_file()
    fetches_a_mail_and_shows_it(trac, tmp_path)


def test_nothing_works_uninstalled(interpreter: Path, tmp_path: Path) -> None:
    """The interpreters of these tests do not find the checkout by chance."""
    trac = new_environment(tmp_path, interpreter)
    succeed(trac, "config", "set", "components", "trac_mailintake.*", "enabled")
    assert trac.admin("mailintake", "status").status == 2
