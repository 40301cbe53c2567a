"""The parameters of the built-in rules that other modules need too, one typed value for each subject.

A field is declared once, with its kind, default and help. `declared` makes the parameters of it that a rule offers as
its PARAMETERS, and `read` fills it in when a service is read: see `Service`. Parameters that only one rule or handler
reads, and those of plugins, stay in `Values`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, get_type_hints

from trac_mailintake.intake.settings.parameters import Kind, Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trac_mailintake.intake.settings.parameters import Values

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Declared:
    """What a field says of its parameter besides name, type and default: see `Parameter`."""

    kind: Kind
    help: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Authentication:
    """Which Authentication-Results count, and what they prove (docs/behaviour.md#proof)."""

    authserv_ids: Annotated[
        tuple[str, ...],
        Declared(
            Kind.WORDS,
            "Mail servers of yours whose Authentication-Results and X-Spam fields count: google, microsoft, or the "
            "names that they write there, each followed by :HOST where their Received fields say another name; and "
            ".DOMAIN for the servers that may hand mail on behind them",
        ),
    ] = ()
    require_auth: Annotated[
        bool,
        Declared(
            Kind.BOOLEAN,
            "Only proved senders act as users, or follow an id or a number to a ticket: DMARC or aligned DKIM must "
            "have passed. All others are strangers",
        ),
    ] = False
    show_auth: Annotated[
        bool, Declared(Kind.BOOLEAN, "Say in the ticket when nothing but the From field says who wrote")
    ] = False


@dataclass(frozen=True, slots=True)
class AutomaticMail:
    """What becomes of mail that no person wrote (docs/behaviour.md#automatic-mail)."""

    bulk: Annotated[
        str | None,
        Declared(
            Kind.CHOICE,
            "What to do with automatic mail. Unset: forward it if there is a forward address, else hold it",
            choices=("accept", "hold", "forward", "ignore", "delete"),
        ),
    ] = None
    lists: Annotated[
        str,
        Declared(
            Kind.CHOICE,
            "What to do with mail that comes by way of a mailing list: accept it, or treat it as automatic",
            choices=("accept", "bulk"),
        ),
    ] = "accept"


@dataclass(frozen=True, slots=True)
class Notices:
    """Which senders get mail from us (docs/behaviour.md#notices)."""

    acknowledge: Annotated[
        str,
        Declared(
            Kind.CHOICE,
            "Whether senders who are no users are told of the ticket that their mail became: never, if one of "
            "authserv_ids vouches for them, or always",
            choices=("never", "proved", "always"),
        ),
    ] = "never"
    notify_sender: Annotated[
        str,
        Declared(
            Kind.CHOICE,
            "Whom to tell that a mail was not filed, once a day for each reason: nobody, senders whose mail was "
            "rejected, or those, too, whose mail is held for what they may or did",
            choices=("never", "rejected", "refused"),
        ),
    ] = "rejected"


@dataclass(frozen=True, slots=True)
class Rates:
    """How much mail an hour is too much; 0: none is (docs/behaviour.md#rates)."""

    rate_sender: Annotated[
        int, Declared(Kind.INTEGER, "Mails of one sender within an hour; more are held. 0: any number")
    ] = 60
    rate_ticket: Annotated[
        int, Declared(Kind.INTEGER, "Mails for one ticket within an hour; more are held. 0: any number")
    ] = 120
    rate_service: Annotated[
        int,
        Declared(
            Kind.INTEGER,
            "New tickets within an hour after which the service stops until you enable it again. 0: any number",
        ),
    ] = 500
    rate_notice: Annotated[
        int,
        Declared(
            Kind.INTEGER,
            "Notices and acknowledgements to senders within an hour, a third of them to one domain; more are not "
            "sent. 0: any number",
        ),
    ] = 60


@dataclass(frozen=True, slots=True)
class Recipients:
    """Whose mail a service takes (docs/behaviour.md#mail-for-somebody-else)."""

    catchemail: Annotated[
        tuple[str, ...],
        Declared(
            Kind.ADDRESSES,
            "Take only mail for one of these addresses; leave all other mail in the mailbox. Empty: take all",
        ),
    ] = ()


@dataclass(frozen=True, slots=True)
class Size:
    """How large a mail may be, in bytes; 0: as large as it likes (docs/behaviour.md#too-large)."""

    max_size: Annotated[int, Declared(Kind.SIZE, "How large a mail may be, such as 20M. 0: as large as it likes")] = 0
    oversize: Annotated[
        str,
        Declared(
            Kind.CHOICE,
            "What to do with a larger mail: file it without attachments, hold it, or forward it",
            choices=("file", "hold", "forward"),
        ),
    ] = "file"


@dataclass(frozen=True, slots=True)
class Strangers:
    """Who senders are that no user is (docs/behaviour.md#accounts-for-newcomers)."""

    actas: Annotated[
        str,
        Declared(
            Kind.USER,
            "Whose rights count for senders who are no known users; they stay the reporters and authors",
        ),
    ] = ""
    reporterusername: Annotated[
        str,
        Declared(
            Kind.USER,
            "As in JIRA: who reports, and writes, for senders who are no known users, with their own rights; the "
            "sender's address is added to the text",
        ),
    ] = ""
    webforms: Annotated[
        tuple[str, ...],
        Declared(
            Kind.ADDRESSES,
            "Addresses that a web form of yours writes from: whoever its Reply-To names is the sender, a stranger whom "
            "nothing proves. With require_auth the form's own mail must be proved",
        ),
    ] = ()
    createusers: Annotated[
        bool,
        Declared(
            Kind.BOOLEAN,
            "Make an account for senders who have none, whose rights then count: with AccountManager and a password "
            "store that it can write. Else they are only remembered",
        ),
    ] = False
    notifyusers: Annotated[
        bool,
        Declared(Kind.BOOLEAN, "With createusers: tell people of their new account, with a link to choose a password"),
    ] = True
    createusers_per_day: Annotated[
        int,
        Declared(
            Kind.INTEGER,
            "With createusers: how many people this service may make accounts for within a day, or remember",
        ),
    ] = 50


POLICIES: Final[Mapping[str, type[Any]]] = MappingProxyType(
    {
        "authentication": Authentication,
        "automatic_mail": AutomaticMail,
        "notices": Notices,
        "rates": Rates,
        "recipients": Recipients,
        "size": Size,
        "strangers": Strangers,
    }
)
"""By the field of `Service` that has it."""


def declared(policy: type[Any]) -> tuple[Parameter, ...]:
    """The parameters that a policy declares, in the order of its fields."""
    hints = get_type_hints(policy, include_extras=True)
    return tuple(_parameter(field.name, field.default, *hints[field.name].__metadata__) for field in fields(policy))


def _parameter(name: str, default: Any, said: Declared) -> Parameter:  # noqa: ANN401 - it is what Parameter takes
    return Parameter(name, said.kind, default, said.help, said.choices)


def read(policy: type[P], parameters: Values) -> P:
    """The policy that checked parameters set. A field that they do not mention has its default."""
    names = (name for name in policy.__dataclass_fields__ if name in parameters.values)  # type: ignore[attr-defined]  # mypy knows no type for dataclasses
    return policy(**{name: parameters.values[name] for name in names})
