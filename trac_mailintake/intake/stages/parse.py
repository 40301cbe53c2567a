"""parse: reads a message from the archive, unless it must not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.intake.failures import DEATHS, Deaths
from trac_mailintake.intake.ports import TooLarge

if TYPE_CHECKING:
    from trac_mailintake.intake.model import Delivery
    from trac_mailintake.intake.ports import Parser
    from trac_mailintake.mail.message import Message


def parsed(parser: Parser, delivery: Delivery) -> Message | Exception:
    """The message, or why it cannot be read. What fails here is handled when it is decided about, in its turn."""
    if delivery.raw is None:
        return TooLarge()
    if delivery.deaths >= DEATHS:
        return Deaths()
    try:
        return parser(delivery.raw)
    except Exception as error:  # noqa: BLE001 - see above
        return error
