"""Plugins that were there and do not load: intake stops with their name, until somebody says that it may go on.

Each command is a process of its own, as cron's and a mail server's are.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.rig import SERVICE, Rig, mail
from trac_mailintake.bootstrap import settings_of
from trac_mailintake.plugins.registry import GROUP
from trac_mailintake.tracker.config.circuit_breaker import ALIKE, CircuitBreaker

if TYPE_CHECKING:
    from tests.servers.tracenv import Finished, TracEnv

FILE: Final = """
from trac.core import Component, implements
from trac_mailintake.api import Hold, IMailintakePlugin, hookimpl

class Invoices(Component):
    implements(IMailintakePlugin)

    @hookimpl
    def mailintake_screen(self, message):
        return Hold("acme-invoice", "Invoices wait.") if "invoice" in message.subject else None
"""
MODULE: Final = """
from trac_mailintake.api import Hold, hookimpl

@hookimpl
def mailintake_screen(message):
    return Hold("acme-invoice", "Invoices wait.") if "invoice" in message.subject else None
"""
KINDS: Final = {"file": "acme_rules.Invoices", "package": "acme"}
"""The ways to install a plugin, with the name that the plugin has then."""
LOSSES: Final = (
    ("file", "vanishes", None),
    ("file", "raises", "raise RuntimeError('no printer')"),
    ("file", "has no such class", "x = 1"),
    ("package", "vanishes", None),
    ("package", "exits", "raise SystemExit(0)"),
    ("package", "misses an import", "from trac_mailintake.api import Hold, hookimpl, Nothing"),
)
"""What becomes of its code."""


class Installed:
    """A plugin that holds invoices, in one of the two ways, with an environment that it has held one in."""

    def __init__(self, rig: Rig, kind: str, folder: Path) -> None:
        self.rig, self.kind, self.folder = rig, kind, folder
        self.name = KINDS[kind]
        self.file = rig.trac.path / "plugins" / "acme_rules.py" if kind == "file" else folder / "acme_intake.py"
        self.file.parent.mkdir(exist_ok=True)
        self.put(FILE if kind == "file" else MODULE)
        self.metadata = folder / "acme-1.0.dist-info"
        if kind == "package":
            self.metadata.mkdir()
            (self.metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
            (self.metadata / "entry_points.txt").write_text(f"[{GROUP}]\nacme = acme_intake\n")

    def put(self, source: str | None) -> None:
        """Its code from now on; None: none, and no package either."""
        shutil.rmtree(self.file.parent / "__pycache__", ignore_errors=True)
        if source is None:
            self.file.unlink()
            if self.kind == "package":
                shutil.rmtree(self.metadata)
        else:
            self.file.write_text(source)

    def admin(self, *words: str, stdin: bytes = b"") -> Finished:
        """`mailintake WORDS` where the package can be imported."""
        return self.rig.trac.admin("mailintake", *words, stdin=stdin, environment={"PYTHONPATH": str(self.folder)})


@pytest.fixture(params=KINDS)
def plugin(request: pytest.FixtureRequest, sqlite_env: TracEnv, tmp_path: Path) -> Installed:
    """It was there for one mail."""
    rig = Rig(sqlite_env, tmp_path)
    settings_of(rig.trac.env).services.add("pipe", {"kind": "pipe"})
    folder = tmp_path / "site"
    folder.mkdir()
    installed = Installed(rig, request.param, folder)
    rig.trac.close()
    done = installed.admin("deliver", "pipe", stdin=mail("an invoice"))
    assert "held (acme-invoice)" in done.err
    return installed


@pytest.mark.parametrize(
    ("plugin", "code"),
    [(kind, code) for kind, _, code in LOSSES],
    ids=[f"{kind} {loss}" for kind, loss, _ in LOSSES],
    indirect=["plugin"],
)
def test_a_plugin_that_is_lost_stops_intake_until_it_is_forgotten(plugin: Installed, code: str | None) -> None:
    """By its name: 75 for a pipe, 3 for cron's run, and nothing is taken. Afterwards the mail is taken without it."""
    plugin.put(code)
    plugin.rig.drop(mail())
    done = plugin.admin("deliver", "pipe", stdin=mail("another invoice"))
    assert (done.status, done.out) == (75, ""), done
    assert plugin.name.partition(".")[0] in done.err
    done = plugin.admin("run", "--force")
    assert done.status == 3, done
    assert plugin.name.partition(".")[0] in done.out
    assert len(plugin.rig.left) == 1
    assert [row["outcome"] for row in plugin.rig.journal() if row["outcome"]] == ["held"]
    listed = plugin.admin("plugin", "list")
    assert listed.status == 3
    assert plugin.name in listed.out
    plugin.rig.trac.close()
    if code is not None:
        plugin.put(None)
    assert plugin.admin("plugin", "forget", plugin.name).status == 0
    assert plugin.admin("run", "--force").status == 0
    assert plugin.rig.left == []


def test_a_service_that_stopped_over_it_runs_again(plugin: Installed) -> None:
    """Five rounds of cron's are five minutes: whoever forgets the plugin need not enable each service."""
    plugin.put(None)
    plugin.rig.drop(mail())
    stopped = ""
    fault = json.loads(plugin.admin("plugin", "list", "--json").out)["fault"]
    for _ in range(ALIKE):
        stopped = CircuitBreaker(plugin.rig.trac.env).failed(SERVICE, fault)
    assert stopped
    plugin.rig.trac.close()
    done = plugin.admin("plugin", "forget", plugin.name)
    assert f"The service {SERVICE}, which had stopped over it, runs again." in done.out
    assert plugin.admin("run", "--force").status == 0
    assert plugin.rig.left == []


def test_a_plugin_that_components_disable_is_forgotten(plugin: Installed) -> None:
    """By name, whether its file is there, broken or gone."""
    plugin.put("raise RuntimeError")
    module = plugin.file.stem
    plugin.rig.trac.set(("components", f"{module}.*", "disabled"))
    plugin.rig.trac.close()
    done = plugin.admin("deliver", "pipe", stdin=mail("an invoice again"))
    assert (done.status, "created" in done.err) == (0, True), done
    plugin.put(None)
    assert plugin.admin("deliver", "pipe", stdin=mail("yet another invoice")).status == 0
    assert plugin.admin("plugin", "list").status == 0


def test_a_plugin_that_comes_back_goes_on(plugin: Installed) -> None:
    """Without a word of an administrator's."""
    plugin.put("raise RuntimeError")
    assert plugin.admin("deliver", "pipe", stdin=mail()).status == 75
    plugin.put(FILE if plugin.kind == "file" else MODULE)
    assert "held (acme-invoice)" in plugin.admin("deliver", "pipe", stdin=mail("an invoice")).err
    shown = json.loads(plugin.admin("plugin", "list", "--json").out)
    assert [each["state"] for each in shown["plugins"]] == ["loaded"]
    assert shown["fault"] == ""


def test_what_only_looks_remembers_nothing_and_tells_all_the_same(plugin: Installed, tmp_path: Path) -> None:
    """*explain* says what a run would do: nothing."""
    plugin.put(None)
    letter = tmp_path / "mail.eml"
    letter.write_bytes(mail())
    done = plugin.admin("explain", str(letter), "--service", SERVICE)
    assert done.status == 2
    assert f"plugin {plugin.name} was there and does not load now" in done.err


@pytest.mark.slow  # two seconds of the watchdog are what it is about
@pytest.mark.parametrize("plugin", ["package"], indirect=True)
def test_a_plugin_that_hangs_when_it_is_imported_is_ended(plugin: Installed) -> None:
    """By the watchdog: the mail server is answered 75, and the mail stays where it is."""
    plugin.put("import time\ntime.sleep(600)")
    plugin.rig.trac.set(("mailintake", "watchdog", "2"))
    plugin.rig.drop(mail())
    plugin.rig.trac.close()
    assert plugin.admin("run", "--force").status == -signal.SIGALRM
    assert len(plugin.rig.left) == 1
    done = subprocess.run(
        [Path(sys.executable).parent / "mailintake-deliver", plugin.rig.trac.path, "pipe"],
        input=mail(),
        env={**os.environ, "PYTHONPATH": str(plugin.folder)},
        check=False,
        timeout=60,
    )
    assert done.returncode == 75


def test_only_what_is_known_can_be_forgotten(plugin: Installed) -> None:
    """The names are listed, and completed."""
    done = plugin.admin("plugin", "forget", "acne")
    assert done.status == 2
    assert f"There is no plugin acne to forget. Known: {plugin.name}" in done.err
