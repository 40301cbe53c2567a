"""Whatever a component of somebody else's raises, it is known whether to wait or to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trac_mailintake.intake.errors import Misconfiguration, TemporaryFailure
from trac_mailintake.tracker.trac_calls.component_errors import asking

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


class Plugin:
    """Somebody else's."""

    def work(self, failure: BaseException) -> None:
        """Fail."""
        raise failure


def ask(trac: TracEnv, failure: BaseException) -> None:
    """Let it fail."""
    plugin = Plugin()
    with asking(trac.env, plugin):
        plugin.work(failure)


NAME = rf"{Plugin.__module__}\.Plugin"


@pytest.mark.parametrize("failure", [ConnectionRefusedError("refused"), TimeoutError("slow"), OSError(28, "No space")])
def test_a_disk_or_a_network_that_fails_is_waited_for(shared_env: TracEnv, failure: OSError) -> None:
    """The component is named, and what failed."""
    with pytest.raises(TemporaryFailure, match=f"{NAME} could not do its work: .*") as caught:
        ask(shared_env, failure)
    assert str(failure) in str(caught.value)
    assert caught.value.__cause__ is failure


@pytest.mark.parametrize(
    "failure", [ValueError("x"), RecursionError(), SystemExit(3), GeneratorExit(), AssertionError()]
)
def test_a_component_that_fails_by_itself_is_to_be_mended(shared_env: TracEnv, failure: BaseException) -> None:
    """Also one that would end the process; two of its failures are alike, whatever they say."""
    with pytest.raises(Misconfiguration, match=rf"{NAME} failed \({type(failure).__name__}: ") as caught:
        ask(shared_env, failure)
    assert "Mend it or disable it." in str(caught.value)
    with pytest.raises(Misconfiguration) as other:
        ask(shared_env, KeyError("else"))
    assert caught.value.alike == other.value.alike


def test_the_database_the_memory_and_ctrl_c_are_not_its_fault(shared_env: TracEnv) -> None:
    """They pass: the recorder knows which failures of the database are temporary."""
    with pytest.raises(shared_env.env.db_exc.OperationalError), asking(shared_env.env, Plugin()):
        shared_env.query("SELECT nothing FROM nowhere")
    for failure in (MemoryError(), KeyboardInterrupt()):
        with pytest.raises(type(failure)):
            ask(shared_env, failure)


def test_what_works_is_left_alone(shared_env: TracEnv) -> None:
    """And what the block does counts."""
    with asking(shared_env.env, Plugin()):
        done = True
    assert done
