"""The options of `[mailintake]` in trac.ini, and the permissions. Servers and services are in the database."""

from __future__ import annotations

from trac.config import ChoiceOption, FloatOption, IntOption, Option
from trac.core import Component, implements
from trac.perm import IPermissionRequestor

VIEW = "MAILINTAKE_VIEW"
ADMIN = "MAILINTAKE_ADMIN"
CATEGORY = "mailintake"
"""The category of our panels in Trac's administration."""


class MailIntakeSystem(Component):
    """The options and permissions of mail intake."""

    implements(IPermissionRequestor)

    @property
    def fetches(self) -> bool:
        """Whether runs fetch mail."""
        return bool(self.fetch == "enabled")

    fetch = ChoiceOption(
        "mailintake",
        "fetch",
        ["enabled", "disabled"],
        doc="""Whether `mailintake run` fetches mail. Set it to `disabled` in a copy of an environment, such as one for
        tests, so that it does not take the mail of the original.""",
    )
    address = Option(
        "mailintake",
        "address",
        "",
        doc="""The address of this project, such as `support@example.org`: notifications of tickets ask for replies to
        it. Without one they keep the `Reply-To` that `[notification]` says.""",
    )
    recipient_delimiter = Option(
        "mailintake",
        "recipient_delimiter",
        "+",
        doc="""What separates the mailbox from the rest in an address, as the mail server has it: with `+` replies go to
        `support+12.SIGNATURE@example.org`, which proves that the sender got the notification. Empty when the mail
        server knows no such addresses: replies then go to the plain address.""",
    )
    project_key = Option(
        "mailintake",
        "project_key",
        "",
        doc="A key that subjects may name tickets by: with `PROJ`, `(PROJ-12)` means ticket 12.",
    )
    instance = Option(
        "mailintake",
        "instance",
        "",
        doc="""What this environment is called towards the mailboxes that it has claimed. Set it only where the folder
        of the environment changes its identity, as it does in containers.""",
    )
    at_once = IntOption(
        "mailintake",
        "at_once",
        4,
        doc="""Services that a run serves at the same time, each in a process of its own, so that a slow mail server
        delays no other's mail. With 1 they are served one after the other.""",
    )
    watchdog = FloatOption(
        "mailintake",
        "watchdog",
        300,
        doc="""Seconds that a run spends on one mail before it is taken to hang, and ended. The next run goes on; a mail
        over which three runs ended is held. 0 waits for ever.""",
    )
    admin_address = Option(
        "mailintake",
        "admin_address",
        "",
        doc="""Who is told when a service stops or mail fails. Without one it is the service's forward address.""",
    )
    notice_sender = Option(
        "mailintake",
        "notice_sender",
        "",
        doc="""The envelope's sender (`MAIL FROM`) of what mail intake sends: nothing (`<>`), so that nobody answers it,
        or an address, for outgoing servers that refuse that.""",
    )
    journal_days = IntOption(
        "mailintake",
        "journal_days",
        0,
        doc="""Days that the journal keeps mail that is in no ticket; 0 keeps it for ever. What is in a ticket, what is
        held and what still lies in its mailbox stays.""",
    )
    archive_days = IntOption(
        "mailintake",
        "archive_days",
        365,
        doc="""Days that the bytes of every mail are kept under `files/`; 0 keeps them for ever. Held mail is never
        purged.""",
    )
    archive_max_size = Option(
        "mailintake",
        "archive_max_size",
        "256M",
        doc="The largest mail that is taken at all, in bytes or with k, M, G; what is larger stays in the mailbox.",
    )

    # IPermissionRequestor methods

    def get_permission_actions(self) -> list[str | tuple[str, list[str]]]:
        """MAILINTAKE_VIEW and MAILINTAKE_ADMIN."""
        return [VIEW, (ADMIN, [VIEW])]
