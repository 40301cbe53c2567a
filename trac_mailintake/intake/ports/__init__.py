"""The ports: what the stages need from sources, the tracker and the recorder. Adapters are in higher layers."""

from dataclasses import dataclass

from trac_mailintake.intake.ports.archive import Archive, ArchiveWriter, TooLarge
from trac_mailintake.intake.ports.decision import Accepted, Decision, Duplicate, Refused, ToSender
from trac_mailintake.intake.ports.reader import KnownId, Reader, TicketFacts
from trac_mailintake.intake.ports.recorder import Claims, Mailbox, Recorded, Recorder, Seen, Wait
from trac_mailintake.intake.ports.runtime import Clock, Deciding, Parser, Runtime, Watch
from trac_mailintake.intake.ports.source import Advising, Foreseeing, Marking, Peeking, Source, Targeting
from trac_mailintake.intake.ports.tracker import Prepared, Rules, Tracker

__all__ = [
    "Accepted",
    "Advising",
    "Archive",
    "ArchiveWriter",
    "Claims",
    "Clock",
    "Deciding",
    "Decision",
    "Duplicate",
    "Foreseeing",
    "KnownId",
    "Mailbox",
    "Marking",
    "Parser",
    "Peeking",
    "Ports",
    "Prepared",
    "Reader",
    "Recorded",
    "Recorder",
    "Refused",
    "Rules",
    "Runtime",
    "Seen",
    "Source",
    "Targeting",
    "TicketFacts",
    "ToSender",
    "TooLarge",
    "Tracker",
    "Wait",
    "Watch",
]


@dataclass(frozen=True, slots=True)
class Ports:
    """One of each port, for one worker. `archive_limit`: the largest message that is archived, in bytes; None: any."""

    tracker: Tracker
    rules: Rules
    mailbox: Mailbox
    claims: Claims
    recorder: Recorder
    archive: Archive
    runtime: Runtime
    archive_limit: int | None = None
