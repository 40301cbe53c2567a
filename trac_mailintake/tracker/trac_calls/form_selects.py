"""handle: what Trac's form for a new ticket sends in selects that nobody touched.

Of a select that shows one line and has no chosen option a browser sends the first one (HTML Standard, 4.10.7). Trac's
form offers no empty option unless the field is optional (`ticket.html`), so such a field of a ticket that was made
without the form would be set by the first comment that somebody makes in it: "component set to component1".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trac.ticket.model import Milestone
from trac.ticket.roadmap import group_milestones

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trac.env import Environment
    from trac.ticket.model import Ticket

_ELSEWHERE: Final = frozenset(
    {"summary", "reporter", "description", "owner", "status", "resolution", "time", "changetime"}
)
"""Fields that the form does not have among the others (`TicketModule._prepare_fields` in trac/ticket/web_ui.py)."""


def first_options(env: Environment, ticket: Ticket) -> Mapping[str, str]:
    """By field: what the form sends of a new ticket, where it is another value than that of `ticket`.

    An optional field has an empty option, which is the first one: `[ticket] allowed_empty_fields` for standard fields.
    Nobody chooses an option of a radio button.
    """
    found = {}
    for field in ticket.fields:
        if field["type"] != "select" or field["name"] in _ELSEWHERE:
            continue
        options = [*([""] if field.get("optional") else []), *_options(env, field)]
        if options and (ticket[field["name"]] or "") not in options:
            found[field["name"]] = options[0]
    return found


def _options(env: Environment, field: Mapping[str, Any]) -> Iterable[str]:
    """In the order of the form, which offers the milestones that are open in groups."""
    if field["name"] != "milestone" or field.get("optional"):
        return map(str, field.get("options", ()))
    groups = group_milestones(Milestone.select(env, include_completed=False), include_completed=False)
    return [milestone.name for _, milestones in groups for milestone in milestones]
