"""The ports: what the stages need from sources, the tracker and the recorder. Adapters are in higher layers."""

from trac_mailintake.intake.ports.archive import Archive, ArchiveWriter, TooLarge
from trac_mailintake.intake.ports.decision import Accepted, Decision, Duplicate, Refused
from trac_mailintake.intake.ports.reader import KnownId, Reader, TicketFacts
from trac_mailintake.intake.ports.recorder import Claims, Mailbox, Recorded, Recorder, Seen, Wait
from trac_mailintake.intake.ports.runtime import Deciding, Parser, Runtime, Watch
from trac_mailintake.intake.ports.source import Foreseeing, Source
from trac_mailintake.intake.ports.tracker import Prepared, Rules, Tracker

__all__ = [
    "Accepted",
    "Archive",
    "ArchiveWriter",
    "Claims",
    "Deciding",
    "Decision",
    "Duplicate",
    "Foreseeing",
    "KnownId",
    "Mailbox",
    "Parser",
    "Prepared",
    "Reader",
    "Recorded",
    "Recorder",
    "Refused",
    "Rules",
    "Runtime",
    "Seen",
    "Source",
    "TicketFacts",
    "TooLarge",
    "Tracker",
    "Wait",
    "Watch",
]
