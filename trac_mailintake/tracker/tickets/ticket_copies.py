"""handle: creates Trac's ticket models as copies of one that was created before.

`Ticket(env)` copies the definitions of all fields, deeply, and translates their labels anew. They change only when
trac.ini or an enumeration does, so they are made once; each ticket gets copies that plugins may change.

A new ticket takes 9 instead of 67 microseconds of processor time with Trac's own fields, and 22 instead of 382 with 40
custom ones; without this and `permission_cache` a mail from a Maildir costs 1.05 times as much (1.02 to 1.11, 15 pairs
of 300 mails on SQLite, 30 November 2026).
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from trac.ticket.api import TicketFieldList, TicketSystem
from trac.ticket.model import Ticket

from trac_mailintake.tracker.trac_calls.form_selects import first_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trac.env import Environment


class Models:
    """Creates tickets of one environment. Keep it for a round."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._blank: Ticket | None = None
        self._made_of: object = None
        self._filled: Mapping[str, str] = {}
        self._lists: list[tuple[str, ...]] = []

    def new(self) -> Ticket:
        """A new ticket with the defaults of all fields, as `Ticket(env)`, and with what the web form would add."""
        return self._copy(self._current())

    def filled(self) -> Mapping[str, str]:
        """The fields that have no default, with the values that the web form would send (`form_selects`)."""
        self._current()
        return self._filled

    def _copy(self, blank: Ticket) -> Ticket:
        ticket = copy.copy(blank)
        ticket.fields = TicketFieldList(map(_copied, blank.fields, self._lists))
        ticket.editable_fields = set(blank.editable_fields)
        ticket.values = dict(blank.values)
        ticket._old = {}  # noqa: SLF001 - as Ticket.__init__ does
        for names in ("std_fields", "custom_fields", "time_fields"):
            setattr(ticket, names, list(getattr(blank, names)))
        return ticket

    def existing(self, number: int) -> Ticket:
        """The same as `Ticket(env, number)`. Raises trac.resource.ResourceNotFound."""
        ticket = self._copy(self._current())
        ticket.values = {}
        ticket._fetch_ticket(number)  # noqa: SLF001 - as Ticket.__init__ does
        return ticket

    def _current(self) -> Ticket:
        """The ticket to copy. It is renewed when Trac's own cache of fields becomes another list."""
        fields = TicketSystem(self._env).fields
        if self._blank is None or self._made_of is not fields:
            self._blank, self._made_of = Ticket(self._env), fields
            self._filled = first_options(self._env, self._blank)
            self._blank.values.update(self._filled)
            self._lists = [
                tuple(name for name, value in field.items() if isinstance(value, list)) for field in self._blank.fields
            ]
        return self._blank


def _copied(field: dict[str, Any], lists: tuple[str, ...]) -> dict[str, Any]:
    """A copy of a field's definition, with its own lists (`options`)."""
    copied = field.copy()
    for name in lists:
        copied[name] = list(field[name])
    return copied
