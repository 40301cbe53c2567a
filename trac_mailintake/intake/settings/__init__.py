"""What administrators set: mail servers, services, and the parameters of rules, handlers and sources."""

from __future__ import annotations

from trac_mailintake.intake.settings.parameters import NOT_SHOWN, Kind, Parameter, SettingError, Value, Values, check
from trac_mailintake.intake.settings.service import IMAP, POP3, Server, Service, disposition, start

__all__ = [
    "IMAP",
    "NOT_SHOWN",
    "POP3",
    "Kind",
    "Parameter",
    "Server",
    "Service",
    "SettingError",
    "Value",
    "Values",
    "check",
    "disposition",
    "start",
]
