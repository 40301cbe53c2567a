"""Which plugins were there: remembered, missed, switched off by name, forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trac_mailintake.tracker.config.known_plugins import KnownPlugins

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv

PACKAGED = "acme (acme_intake:plugin)"
COMPONENT = "acme_rules.HoldInvoices"


def test_what_was_there_is_missed(sqlite_env: TracEnv) -> None:
    """From the next time on, by whoever asks; who only looks remembers nothing."""
    assert KnownPlugins(sqlite_env.env).missing([PACKAGED]) == []
    assert KnownPlugins(sqlite_env.env).names() == []
    known = KnownPlugins(sqlite_env.env, remembers=True)
    assert known.missing([PACKAGED, COMPONENT]) == []
    assert KnownPlugins(sqlite_env.reopen()).missing([PACKAGED]) == [COMPONENT]
    assert known.missing([COMPONENT]) == [PACKAGED]
    assert known.names() == [PACKAGED, COMPONENT]


def test_what_is_missing_is_remembered_although_others_come(sqlite_env: TracEnv) -> None:
    """A new plugin does not replace one that is gone."""
    known = KnownPlugins(sqlite_env.env, remembers=True)
    known.missing([PACKAGED])
    assert known.missing([COMPONENT]) == [PACKAGED]
    assert known.missing([COMPONENT]) == [PACKAGED]


def test_a_package_may_move_its_code(sqlite_env: TracEnv) -> None:
    """The name of the entry point is its name."""
    known = KnownPlugins(sqlite_env.env, remembers=True)
    known.missing([PACKAGED])
    assert known.missing(["acme (acme.intake)"]) == []
    assert known.names() == ["acme (acme.intake)"]


@pytest.mark.parametrize("name", ["acme", PACKAGED])
def test_a_plugin_is_forgotten_by_its_name(sqlite_env: TracEnv, name: str) -> None:
    """Once; the others stay known."""
    known = KnownPlugins(sqlite_env.env, remembers=True)
    known.missing([PACKAGED, COMPONENT])
    assert known.forget(name)
    assert not known.forget(name)
    assert known.missing([]) == [COMPONENT]
    assert known.forget(COMPONENT)
    assert known.missing([]) == []


@pytest.mark.parametrize("rule", ["acme_intake.*", "acme_intake", "acme", "acme.*"])
def test_what_components_disable_by_name_is_not_missed(sqlite_env: TracEnv, rule: str) -> None:
    """By the name of the entry point, or that of the module; and then it is forgotten."""
    known = KnownPlugins(sqlite_env.env, remembers=True)
    known.missing([PACKAGED])
    sqlite_env.set(("components", rule, "disabled"))
    known = KnownPlugins(sqlite_env.env, remembers=True)
    assert known.disabled(PACKAGED)
    assert known.missing([]) == []
    assert known.names() == []


def test_a_name_like_it_disables_nothing(sqlite_env: TracEnv) -> None:
    """Nor does it that nothing enables the plugin any more."""
    KnownPlugins(sqlite_env.env, remembers=True).missing([COMPONENT])
    sqlite_env.set(("components", "acme.*", "disabled"), ("components", "acme_rules.holdinvoices2", "disabled"))
    assert KnownPlugins(sqlite_env.env).missing([]) == [COMPONENT]


def test_a_value_that_is_not_ours_counts_as_none(sqlite_env: TracEnv) -> None:
    """It is replaced."""
    with sqlite_env.env.db_transaction as db:
        db("INSERT INTO system (name, value) VALUES ('mailintake_plugins', '{')")
    known = KnownPlugins(sqlite_env.env, remembers=True)
    assert known.missing([COMPONENT]) == []
    assert known.names() == [COMPONENT]
