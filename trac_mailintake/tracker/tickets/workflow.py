"""handle: the actions of the ticket workflow and their changes, determined as TicketModule does.

Each controller is asked once for its actions, not three times as by the web interface, since every mail needs this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trac.ticket.api import TicketSystem

from trac_mailintake.tracker.trac_calls.component_errors import asking

if TYPE_CHECKING:
    from trac.env import Environment
    from trac.ticket.model import Ticket
    from trac.web.api import Request


class Offer:
    """The actions that the workflow offers to one sender on one ticket."""

    def __init__(self, env: Environment, request: Request, ticket: Ticket) -> None:
        self.env = env
        self.request = request
        self.ticket = ticket
        self._weights: dict[str, int] = {}
        self._controllers: dict[str, list[Any]] = {}
        for controller in TicketSystem(env).action_controllers:
            with asking(env, controller):
                offered = tuple(controller.get_ticket_actions(request, ticket) or ())
            for weight, action in offered:
                self._weights[action] = max(weight, self._weights.get(action, weight))
                self._controllers.setdefault(action, []).append(controller)

    def __contains__(self, action: str) -> bool:
        return action in self._weights

    def first(self) -> str | None:
        """The action that the web form would preselect; None if there is none."""
        return max(self._weights, key=lambda action: (self._weights[action], action), default=None)

    def controllers(self, action: str) -> tuple[Any, ...]:
        """The controllers that perform the action, and its side effects after the ticket is saved."""
        return tuple(self._controllers.get(action, ()))

    def changes(self, action: str) -> tuple[dict[str, Any], list[str]]:
        """The fields that the action changes, with their new values; and contradictions in the workflow."""
        changes: dict[str, Any] = {}
        problems = []
        for controller in self.controllers(action):
            with asking(self.env, controller):
                asked = dict(controller.get_ticket_changes(self.request, self.ticket, action))
            for name, value in asked.items():
                if changes.setdefault(name, value) != value:
                    problems.append(f"{type(controller).__name__} sets {name} to {value}, others to {changes[name]}")
        return {name: value for name, value in changes.items() if value != self.ticket[name]}, problems
