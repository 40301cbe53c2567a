"""Declares the commands `trac-admin ENV mailintake ...`, with their arguments and help. Their actions are in `cli/`.

Trac imports this module each time it starts, so it must not import anything that only a command needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.admin.api import IAdminCommandProvider
from trac.core import Component, implements
from trac.util.text import printerr

from trac_mailintake.components.log_failures import in_one_sentence
from trac_mailintake.components.may_write import looking, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trac_mailintake.components.cli.actions import Actions

    Action = Callable[..., int]
    """Performs a command. Takes the words after the command, and returns the exit status."""
    Completion = Callable[[list[str]], list[str]]
    """Takes the words after a command, and returns the completions of the last one."""
    Command = tuple[str, str, str, Completion | None, Action]

_SERVER_SETTINGS = """Settings: protocol=imap|pop3, host, port, security=tls|starttls|none, username, password,
    ca_file, timeout (seconds), description. The password is kept encrypted; it may also be
    env:NAME or file:/path, and password=- asks for it, or reads a line of standard input."""

_SERVICE_SETTINGS = """Settings: kind, server and folder (or path), address, delay (minutes), handler, forward,
    afterwards=delete|move:FOLDER|seen|leave, start=all|now|DATE, enabled, description; and the
    parameters of the handler, such as stripquotes=true, and custom ticket fields."""


class CommandGroup(Component):
    """The commands on one subject. Their actions are imported only when a command is used."""

    abstract = True

    implements(IAdminCommandProvider)

    def command(
        self,
        name: str,
        words: str,
        help_: str,
        action: Callable[[Actions], Action],
        completion: Callable[[Actions], Completion] | None = None,
        *,
        looks: bool = False,
    ) -> Command:
        """A command in Trac's form. `action` and `completion` choose what performs it, and what completes its words.

        `looks`: it writes nothing into the environment, so that everybody may use it who can read that.
        """

        def complete(typed: list[str]) -> list[str]:
            return completion(self._actions())(typed) if completion else []

        def act(*typed: str) -> int:
            allowed = looking(self.env) if looks else writing(self.env, "mailintake", *name.split(), *typed)
            with allowed, in_one_sentence(self.env, printerr):
                return action(self._actions())(*typed)

        return (f"mailintake {name}", words, help_, complete if completion else None, act)

    def _actions(self) -> Actions:
        from trac_mailintake.components.cli.actions import Actions  # noqa: PLC0415 - only when a command is used

        return Actions(self.env)


class ContactCommands(CommandGroup):
    """Lists and removes the contacts that `createusers` remembers."""

    # IAdminCommandProvider methods

    def get_admin_commands(self) -> Iterator[Command]:
        """Yield this component's commands."""
        yield self.command(
            "contact list", "[--json]", "List whom createusers remembers", lambda do: do.contacts.list_, looks=True
        )
        yield self.command(
            "contact remove",
            "<address>",
            "Forget somebody, so that the next mail is a newcomer's; an account stays",
            lambda do: do.contacts.remove,
            lambda do: do.contacts.complete,
        )


class PluginCommands(CommandGroup):
    """Lists the plugins, and forgets one that is gone."""

    # IAdminCommandProvider methods

    def get_admin_commands(self) -> Iterator[Command]:
        """Yield this component's commands."""
        yield self.command(
            "plugin list",
            "[--json]",
            """List the plugins that are not the product's own, and those that were there and do not load

    Ends with 0 when all is well, 3 when no mail is taken because of one of them.""",
            lambda do: do.plugins.list_,
            looks=True,
        )
        yield self.command(
            "plugin forget",
            "<name>",
            """Take mail without a plugin that is gone

    A plugin that was there and does not load stops intake until it is back or forgotten.""",
            lambda do: do.plugins.forget,
            lambda do: do.plugins.complete,
        )


class KeyCommands(CommandGroup):
    """Says who may read the keys."""

    # IAdminCommandProvider methods

    def get_admin_commands(self) -> Iterator[Command]:
        """Yield this component's commands."""
        yield self.command(
            "keys share",
            "<group>",
            """Let a group read the keys of the passwords and of the reply addresses

    For a mail server's pipe whose user shares nothing with Trac's but a group. The keys get the mode 0640.""",
            lambda do: do.keys.share,
        )
        yield self.command(
            "keys private",
            "",
            "Let nobody but their owner read the keys (mode 0600)",
            lambda do: do.keys.private,
        )


class ClaimCommands(CommandGroup):
    """Makes this environment the owner of mailboxes."""

    # IAdminCommandProvider methods

    def get_admin_commands(self) -> Iterator[Command]:
        """Yield this component's command."""
        yield self.command(
            "claim",
            "[service]",
            """Let this environment fetch from the mailboxes of its services, or of one

    The first environment that fetches from a mailbox claims it. A copy, or one that was restored or moved, is
    another and refuses to fetch, so that it takes no mail of the original's. Claim what that fetches no more.""",
            lambda do: do.claims.claim,
            lambda do: do.claims.complete,
        )


class ServerCommands(CommandGroup):
    """Lists, adds, changes, removes and tests mail servers."""

    # IAdminCommandProvider methods

    def get_admin_commands(self) -> Iterator[Command]:
        """Yield this component's commands."""
        yield self.command("server list", "[--json]", "List the mail servers", lambda do: do.servers.list_, looks=True)
        yield self.command(
            "server add",
            "<name> <setting=value> [...]",
            f"Add a mail server\n\n    {_SERVER_SETTINGS}",
            lambda do: do.servers.add,
        )
        yield self.command(
            "server set",
            "<name> <setting=value> [...]",
            f"Change settings of a mail server\n\n    {_SERVER_SETTINGS}",
            lambda do: do.servers.set_,
            lambda do: do.servers.complete,
        )
        yield self.command(
            "server remove",
            "<name>",
            "Remove a mail server",
            lambda do: do.servers.remove,
            lambda do: do.servers.complete,
        )
        yield self.command(
            "server test",
            "<name> [--trace] [--json]",
            "Log in to a mail server and list its folders\n\n    --trace prints the dialogue, without the password.",
            lambda do: do.servers.test,
            lambda do: do.servers.complete,
            looks=True,
        )


class ServiceCommands(CommandGroup):
    """Lists, adds, changes, removes, enables and disables services."""

    # IAdminCommandProvider methods

    def get_admin_commands(self) -> Iterator[Command]:
        """Yield this component's commands."""
        yield self.command("service list", "[--json]", "List the services", lambda do: do.services.list_, looks=True)
        yield self.command(
            "service add",
            "<name> kind=<kind> <setting=value> [...]",
            f"Add a service\n\n    {_SERVICE_SETTINGS}",
            lambda do: do.services.add,
        )
        yield self.command(
            "service set",
            "<name> <setting=value> [...]",
            f"Change settings of a service\n\n    {_SERVICE_SETTINGS}",
            lambda do: do.services.set_,
            lambda do: do.services.complete,
        )
        yield self._import_jira()
        yield self.command(
            "service remove",
            "<name>",
            "Remove a service that holds no mail; its journal stays",
            lambda do: do.services.remove,
            lambda do: do.services.complete,
        )
        yield self.command(
            "service enable",
            "<name>",
            "Let a service run",
            lambda do: do.services.enable,
            lambda do: do.services.complete,
        )
        yield self.command(
            "service disable",
            "<name>",
            "Let a service run no more",
            lambda do: do.services.disable,
            lambda do: do.services.complete,
        )

    # inside

    def _import_jira(self) -> Command:
        return self.command(
            "service import-jira",
            "<name> <parameters> [<setting=value> ...]",
            f"""Add a service with JIRA's handler parameters, or give them to one

    <parameters> is JIRA's string, such as "project=JRA, issuetype=1, bulk=forward".
    What it says that cannot be taken over is left out, and named.

    {_SERVICE_SETTINGS}""",
            lambda do: do.services.import_jira,
            lambda do: do.services.complete,
        )


class JournalCommands(CommandGroup):
    """Shows the journal, and purges old mail."""

    # IAdminCommandProvider methods

    def get_admin_commands(self) -> Iterator[Command]:
        """Yield this component's commands."""
        yield self.command(
            "journal list",
            "[service=] [outcome=] [rule=] [sender=] [ticket=] [text=] [--limit N] [--json]",
            "List what became of each mail, the newest first\n\n    50 unless --limit says otherwise.",
            lambda do: do.journal.list_,
            looks=True,
        )
        yield self.command(
            "journal show",
            "<id> [--json]",
            "Show what became of one mail, and every step of why",
            lambda do: do.journal.show,
            looks=True,
        )
        yield self.command(
            "journal raw", "<id>", "Write the bytes of a mail to standard output", lambda do: do.journal.raw, looks=True
        )
        yield self.command(
            "purge",
            "",
            """Remove the bytes of old mail, as [mailintake] archive_days says

    And rows of the journal, as journal_days says. Held mail is never removed. `run` does it once a day.""",
            lambda do: do.journal.purge,
        )


class ArchiveCommands(CommandGroup):
    """Lists and checks the archive, and files mail from it that the journal has lost."""

    # IAdminCommandProvider methods

    def get_admin_commands(self) -> Iterator[Command]:
        """Yield this component's commands."""
        words = "[--since DATE] [--service NAME] [--json]"
        yield self.command(
            "archive list",
            words,
            """List the files of the archive, and the mails in them that no row of the journal has

    --since leaves out files of earlier days.""",
            lambda do: do.archive.list_,
            looks=True,
        )
        yield self.command(
            "archive verify",
            words,
            """Read the archive, and say what is damaged, missing, or in no row of the journal

    Ends with 0 when all is well, 1 when there is mail that no row has, 3 when something is damaged or missing.""",
            lambda do: do.archive.verify,
            looks=True,
        )
        yield self.command(
            "archive refile",
            "[--since DATE] [--service NAME] [--dry-run|--yes] [--json]",
            """File the mail in the archive that no row of the journal has

    For the day after an older database was put back. It goes through duplicates and all rules, as in a first run:
    no acknowledgement or notice is sent, and no rate counts. Without --yes this says what it would do.
    Ends with 0 when all is well, 1 when mail was held or deferred, 3 when it had to end early.""",
            lambda do: do.archive.refile,
        )


class HeldCommands(CommandGroup):
    """Commands for held mail."""

    # IAdminCommandProvider methods

    def get_admin_commands(self) -> Iterator[Command]:
        """Yield this component's commands."""
        yield self.command(
            "held list", "[service=] [--json]", "List the mail that is held", lambda do: do.held.list_, looks=True
        )
        yield self.command(
            "held retry",
            "<id|all> [...]",
            "Decide about held mail once more",
            lambda do: do.held.retry,
            lambda do: do.held.complete,
        )
        yield self.command(
            "held release",
            "<id> <ticket|new> [--user NAME]",
            """File a held mail in a ticket, or in a new one, past all screens

    --user names whose rights count instead of the sender's. The author is the sender all the same.""",
            lambda do: do.held.release,
            lambda do: do.held.complete,
        )
        yield self.command(
            "held discard",
            "<id> [...]",
            "Throw held mail away\n\n    Its bytes stay in the archive for as long as those of all mail.",
            lambda do: do.held.discard,
            lambda do: do.held.complete,
        )
        yield self.command(
            "held export",
            "<id> [file]",
            "Write the bytes of a held mail to a file, or to standard output",
            lambda do: do.held.export,
            lambda do: do.held.complete,
            looks=True,
        )
