"""`mailintake plugin ...`: the plugins that are there, and those that were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.admin.api import AdminCommandError

from trac_mailintake.components.cli.arguments import Exit, read, starting, told
from trac_mailintake.components.cli.output import complain, say, say_json, say_table
from trac_mailintake.intake.errors import Misconfiguration
from trac_mailintake.runs import open_intake
from trac_mailintake.tracker.config.circuit_breaker import CircuitBreaker
from trac_mailintake.tracker.config.known_plugins import KnownPlugins
from trac_mailintake.tracker.config.services import Services

if TYPE_CHECKING:
    from trac.env import Environment


class PluginActions:
    """Lists the plugins of other people, and forgets those that are gone for good."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._known = KnownPlugins(env)

    def complete(self, typed: list[str]) -> list[str]:
        """Names of plugins that are remembered."""
        return starting([each.partition(" ")[0] for each in self._known.names()], typed)

    def list_(self, *typed: str) -> int:
        """`mailintake plugin list`. Raises AdminCommandError."""
        wanted = read(typed, flags=("--json",))
        with told():
            states, fault = self._states()
        if wanted.flag("--json"):
            say_json({"plugins": [{"name": name, "state": state} for name, state in states], "fault": fault})
        else:
            say_table(states, ("Plugin", "State"), "There is no plugin but the product's own.")
            if fault:
                complain(f"No mail is taken: {fault}")
        return Exit.UNREACHABLE if fault else Exit.WELL

    def forget(self, *typed: str) -> int:
        """`mailintake plugin forget`. Raises AdminCommandError."""
        [name] = read(typed, least=1, most=1).words
        with told():
            if not self._known.forget(name):
                names = ", ".join(each.partition(" ")[0] for each in self._known.names())
                raise AdminCommandError(f"There is no plugin {name} to forget. Known: {names or 'none'}")
            say(f"The plugin {name} is forgotten: mail is taken without it.")
            for service in self._resumed(name):
                say(f"The service {service}, which had stopped over it, runs again.")
        return Exit.WELL

    def _states(self) -> tuple[list[tuple[str, str]], str]:
        """Each plugin with its state, and why no mail is taken, or ""."""
        known = self._known.names()
        rules = open_intake.settings(self._env).rules
        try:
            loaded, fault = rules.plugins(), ""
        except Misconfiguration as error:
            loaded, fault = rules.present(), str(error)
        gone = [each for each in known if each not in loaded]
        states = dict.fromkeys(loaded, "loaded")
        states |= {each: "disabled" if self._known.disabled(each) else "does not load" for each in gone}
        return sorted(states.items()), fault

    def _resumed(self, name: str) -> list[str]:
        """Run the services again that have stopped because this plugin was gone."""
        rows = Services(self._env, lambda: open_intake.settings(self._env).rules).rows()
        over = [str(row["name"]) for row in rows if f"plugin {name} " in str(row["stopped"] or "")]
        return [each for each in over if CircuitBreaker(self._env).resume(each)]
