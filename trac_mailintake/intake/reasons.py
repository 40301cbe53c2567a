"""The reasons for what becomes of a mail: every rule of the product, with its sentences and its consequences.

A rule is known by its slug: the journal stores it, panels and commands filter by it, and docs/behaviour.md#rules lists
all of them. Defects of a message are in `mail.defects`. Plugins have slugs and sentences of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from trac_mailintake.mail.wording import Reason, Wording

if TYPE_CHECKING:
    from collections.abc import Callable

    from trac_mailintake.mail.wording import Argument

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the product; called with arguments, it gives its reason.

    `stage` is the stage that decides by it, or `service` if the rule is about a service, not about a mail.
    `text` is its sentence, a template as in `mail.wording.Wording`; for further ones see `also`.
    `told`: with `notify_sender=refused` the sender of a mail that the rule holds is notified (a notice of a rejection
    does not depend on the rule). `alarming`: something is broken here, so an administrator is notified of the mail, as
    for all rules about a service. `leaves`: the mail is left in the mailbox for another service.
    """

    slug: str
    stage: str
    text: str
    told: bool = False
    alarming: bool = False
    leaves: bool = False

    @property
    def wording(self) -> Wording:
        """The rule's first sentence."""
        return Wording(self.slug, self.text)

    def __call__(self, **arguments: Argument) -> Reason:
        """The reason with the rule's first sentence; `arguments` are exactly those that the template names."""
        return Reason(self.wording, arguments)

    def also(self, form: str, text: str) -> Wording:
        """Another sentence of the same rule."""
        return self.wording.also(form, text)


def _clause(form: str, text: str) -> Wording:
    """A clause, which other sentences include."""
    return Wording("", text, form)


# fetch ---------------------------------------------------------------------------------------------------------------

FROM_ARCHIVE: Final = Rule(
    "from-archive", "fetch", "Nothing lists it or hands it over any more; its bytes were in the archive by then."
)
"""A step in the trail of a mail that was fetched, not decided, and then left its mailbox."""
UNREADABLE: Final = Rule(
    "unreadable",
    "fetch",
    "It could not be fetched, although other mail of its mailbox came: {error} It stays in the mailbox, and is asked"
    " for again each day.",
    alarming=True,
)

REFILED: Final = Rule(
    "filed-from-archive", "fetch", "No row of the journal had it: an administrator had it filed from the archive."
)
"""A step in the trail of such a mail."""

# recall --------------------------------------------------------------------------------------------------------------

DUPLICATE: Final = Rule("duplicate", "recall", "The same mail was filed before, as delivery {delivery}.")

# screen --------------------------------------------------------------------------------------------------------------

OBJECTION: Final = _clause("objection", "{kind}: {reason}")
"""An objection in the trail; `kind` is one of `model.Objection`."""

SENDER: Final = Rule("sender", "screen", "{found}")
"""Who the mail is from, in the first step of each trail."""
PROVED: Final = Rule("proved", "screen", "{found}")
"""The same for a sender whom one of our mail servers vouched for; the trail is searched for it later."""
TRIED_PROOF: Final = Rule("proof", "screen", "Proof of the sender: {proof}.")
"""A step of a mail that is only tried."""
TRIED_UNPROVED: Final = TRIED_PROOF.also("none", "No proof of the sender: {why}.")
NO_HOSTS: Final = _clause("no-hosts", "from header only: authserv_ids names no mail server")
NO_ONE_FROM: Final = _clause("no-one-from", "the mail does not have exactly one From address")
DISOWNED: Final = _clause("disowned", "a part of the header was not read that may name another author")
BY_EMAIL: Final = _clause("by-email", "{address} is the e-mail address of the user {user}")
BY_USERNAME: Final = _clause("by-username", "{address} is the name of the user {user}")
BY_DOMAIN: Final = _clause(
    "by-domain", "{address} is, with [notification] smtp_default_domain, the name of the user {user}"
)
SEVERAL: Final = _clause("several", "the address {address} belongs to several users: {users}")
NOBODY: Final = _clause("nobody", "no user has the address {address}")
GROUP: Final = _clause("group", "{first}, which is also a permission group")
UNPROVED: Final = _clause("unproved", "{first}, and this service requires proof (require_auth)")
REFUTED: Final = _clause("refuted", "{first}, and this proves that it is no mail of theirs")
FROM_HEADER: Final = _clause("from-header", "from header only")
NO_BORDER: Final = _clause(
    "no-border", "from header only: no Received field is by a host of authserv_ids (the topmost is by {host})"
)
UNKNOWN_HOP: Final = _clause("unknown-hop", "from header only: it came by {host}, which authserv_ids does not name")
SUBMITTED: Final = _clause("submitted", "from header only: it was submitted at {host}, behind the border host")
NO_RESULTS: Final = _clause("no-results", "from header only: the border host wrote no Authentication-Results")
OTHERS: Final = _clause(
    "others", "from header only: the Authentication-Results are of {host}, which authserv_ids does not name"
)
NOT_PASSED: Final = _clause("not-passed", "from header only: {results}")
WEB_FORM: Final = _clause(
    "web-form", "{form} is a web form (webforms), whose Reply-To names {address}, and nothing proves that"
)
ACTS_AS: Final = _clause("acts-as", "acts as {user} (reporterusername)")
HAS_RIGHTS: Final = _clause("has-rights", "has the rights of {user} (actas)")
NO_PERSON: Final = _clause("no-person", "createusers is for people only")
ACCOUNT_GONE: Final = _clause("account-gone", "the account {user} that was made for it is gone")
NO_NAME: Final = _clause("no-name", "no username could be made from it")
ENOUGH_TODAY: Final = _clause("enough-today", "{limit} people were remembered within a day (createusers_per_day)")
GETS_ACCOUNT: Final = _clause("gets-account", "it gets the account {user} (createusers)")
REMEMBERED: Final = _clause("remembered", "it is remembered (createusers)")
THEN: Final = _clause("then", "{first}; {then}")
"""Two findings about a sender, one after the other."""
PROBE: Final = Rule("probe", "screen", "This environment sent it as the probe {token}; nothing is made of it.")
LOOP: Final = Rule("loop", "screen", "This environment sent the mail itself: {why}")
UNSERVED: Final = Rule(
    "unserved",
    "screen",
    "It was fetched from {label}, which no service reads any more. Release or discard it.",
    alarming=True,
)
CATCHEMAIL: Final = Rule("catchemail", "screen", "The mail is not for {addresses}.", leaves=True)
AUTO_REPLY: Final = Rule("auto-reply", "screen", "{evidence}")
OF_A_TRAC: Final = AUTO_REPLY.also(
    "trac", "{evidence} With bulk=accept, too, mail of a Trac is held, since it could go round for ever."
)
BOUNCE: Final = Rule("bounce", "screen", "{evidence}")
BOUNCE_OF: Final = BOUNCE.also("ticket", "{evidence} It returns what was sent for ticket {ticket}.")
BULK: Final = Rule("bulk", "screen", "{evidence}")
LIST: Final = Rule("list", "screen", "{evidence}")
SPAM: Final = Rule("spam", "screen", "A mail server of ours marked it: {mark}.")
BLOCK: Final = Rule("block", "screen", "{sender} is on the block list ({entry}).")
ALLOW: Final = Rule("allow", "screen", "{sender} is not on the allow list.", told=True)
ALLOW_NOBODY: Final = ALLOW.also("nobody", "A mail without an author is not on the allow list.")
REQUIRE_SUBJECT: Final = Rule("require-subject", "screen", "The mail has no subject.", told=True)
MAX_SIZE: Final = Rule("max-size", "screen", "The mail has {size} bytes; max_size is {limit}.", told=True)
RATE_SENDER: Final = Rule(
    "rate-sender", "screen", "Its sender wrote {limit} mails within an hour; rate_sender allows no more."
)
STRANGER: Final = Rule(
    "stranger",
    "screen",
    "{lead} {sender} is not involved in it, and nothing proves the right to comment there.",
    told=True,
)
STRANGER_NAMELESS: Final = STRANGER.also(
    "nameless", "{lead} The sender is not involved in it, and nothing proves the right to comment there."
)
STRANGER_UNPROVED: Final = STRANGER.also("unproved", "{lead} Nothing proves that {sender} wrote this mail.")
UNPROVED_COMMITS: Final = STRANGER.also(
    "unproved-commit", "The commit's log names ticket {ticket}, but nothing proves who sent this mail."
)
STRANGER_COMMITS: Final = STRANGER.also(
    "commit",
    "The commit's log names ticket {ticket}, but {sender} is no known user. "
    "Set actas to a user who may comment on tickets for commits, then retry.",
)
STRANGER_COMMITS_NAMELESS: Final = STRANGER.also(
    "nameless-commit",
    "The commit's log names ticket {ticket}, but the sender is no known user. "
    "Set actas to a user who may comment on tickets for commits, then retry.",
)

# route ---------------------------------------------------------------------------------------------------------------

NEW: Final = Rule("new", "route", "The mail names no ticket.")
NEW_APART: Final = NEW.also("apart", "The mail names no other ticket.{passed}")
PASSED: Final = _clause(
    "passed", " Mails with the id {message_id} are in several tickets; which it answers is not known."
)
"""Why a Message-ID led nowhere. It begins with a blank, since it is optional at the end of other sentences."""
REPLY_ADDRESS: Final = Rule("reply-address", "route", "The mail came to the signed reply address of ticket {ticket}.")
ROOT_ID: Final = Rule("root-id", "route", "The mail refers to the first notification of ticket {ticket}.")
MESSAGE_ID: Final = Rule(
    "message-id", "route", "The mail refers to {message_id}, which was filed in ticket {ticket}.{passed}"
)
MESSAGE_ID_SENT: Final = MESSAGE_ID.also(
    "sent", "The mail refers to {message_id}, which was sent for ticket {ticket}.{passed}"
)
SUBJECT: Final = Rule("subject", "route", "The subject names ticket {ticket}.{passed}")
DELETED_TICKET: Final = Rule("deleted-ticket", "route", "{lead} It has been deleted.")
CLOSED_TICKET: Final = Rule("closed-ticket", "route", "{lead} It is closed.")
RELEASED: Final = Rule("released", "route", "An administrator chose it.")

# handle --------------------------------------------------------------------------------------------------------------

CREATE: Final = Rule("create", "handle", "{lead} The handler create always makes a new ticket.")
COMMIT_LOG: Final = Rule("commit-log", "handle", "The commit's log names ticket {ticket}.")
UNNAMED: Final = _clause("unnamed", "The commit's log names no ticket.")
NO_TICKET: Final = Rule("no-ticket", "handle", "{lead} The handler {handler} only comments on tickets.")
RATE_TICKET: Final = Rule(
    "rate-ticket", "handle", "Ticket {ticket} got {limit} mails within an hour; rate_ticket allows no more."
)
PERMISSION: Final = Rule(
    "permission",
    "handle",
    "{user} may not {wish}: {permission} is missing. "
    "Grant it (trac-admin ENV permission add {user} {permission}), then retry.",
    told=True,
)
PERMISSION_ANONYMOUS: Final = PERMISSION.also(
    "anonymous",
    "{user} may not {wish}: {permission} is missing. Grant it (trac-admin ENV permission add {user} {permission}), "
    "or set the service's parameter actas to a user who has it, then retry.",
)
PERMISSION_TO_SEE: Final = PERMISSION.also(
    "see", "The commit's log names ticket {ticket}, which {user} may not see (TICKET_VIEW). Grant it, then retry."
)
TO_CREATE: Final = _clause("create", "create tickets")
TO_COMMENT: Final = _clause("comment", "comment on ticket #{ticket}")
WORKFLOW: Final = Rule("workflow", "handle", "The workflow offers {user} no action that creates a ticket.")
TICKET_MANIPULATOR: Final = Rule("ticket-manipulator", "handle", "{objections}")
REOPENED: Final = Rule("reopened", "handle", "Ticket #{ticket} is reopened: its status becomes {status}")
STAYS_CLOSED: Final = Rule(
    "stays-closed", "handle", "The ticket is not reopened: the workflow does not offer it to the sender"
)
STAYS_CLOSED_ELSEWHERE: Final = STAYS_CLOSED.also(
    "elsewhere", "The ticket is not reopened: the workflow's action leads elsewhere"
)
STAYS_CLOSED_FIELDS: Final = STAYS_CLOSED.also(
    "fields", "The ticket is not reopened: the workflow would change fields that the sender may not"
)
REPLY_CUT: Final = Rule("reply-cut", "handle", "Lines with quote marks that are not in the comment: {lines}")
REPLY_CUT_HTML: Final = REPLY_CUT.also(
    "html", "Lines that the HTML marks as a quote or a signature, not in the comment: {lines}"
)
REPLY_CUT_ATTRIBUTION: Final = REPLY_CUT.also(
    "attribution", "Lines from one on that says who wrote what is quoted, or when, not in the comment: {lines}"
)
REPLY_CUT_HEADER: Final = REPLY_CUT.also(
    "header", "Lines from the header of an older mail on, not in the comment: {lines}"
)
REPLY_CUT_SEPARATOR: Final = REPLY_CUT.also(
    "separator", "Lines from one on that separates an older mail, not in the comment: {lines}"
)
REPLY_CUT_SIGNATURE: Final = REPLY_CUT.also("signature", "Lines of a signature, not in the comment: {lines}")
REPLY_CUT_PHONE: Final = REPLY_CUT.also("phone", "Lines that a phone or an app added, not in the comment: {lines}")
REPLY_CUT_FOOTER: Final = REPLY_CUT.also("footer", "Lines of a footer, not in the comment: {lines}")
SUMMARY_CUT: Final = Rule("summary-cut", "handle", "The summary has {length} characters of {limit} allowed")
TEXT_CUT: Final = Rule("text-cut", "handle", "The text was cut: Trac allows {limit} characters.{whole}")
WHOLE_TEXT: Final = _clause("whole", " The whole text is attached as {names}.")
CC: Final = Rule("cc", "handle", "Not added to cc: {names}; {user} has no {permission}")
CC_LENT: Final = CC.also("lent", "Not added to cc: {names}; strangers with the rights of {user} add only themselves")
SKIPPED: Final = Rule("skipped", "handle", "Not asked, because they may write: {manipulators}")
SKIPPED_ATTACHMENT: Final = SKIPPED.also("attachment", "Not asked about {name}: {manipulators}")
FORM_SELECT: Final = Rule(
    "form-select", "handle", "{field} is {value}, its first option, as from Trac's form for new tickets"
)
"""Said only where a mail is explained: it is so of every mail."""
ATTACHMENT_EMPTY: Final = Rule("attachment-empty", "handle", "{name} is empty and was left out")
ATTACHMENT_KNOWN: Final = Rule("attachment-known", "handle", "{name} is attached already, as {twin}")
ATTACHMENT_REFUSED: Final = Rule("attachment-refused", "handle", "{about}: {why}")
MAY_NOT_ATTACH: Final = _clause("may-not-attach", "{user} may not attach files (ATTACHMENT_CREATE)")
LARGER: Final = _clause("larger", "larger than [attachment] max_size, {limit}")
LARGER_TEXT: Final = _clause("larger-text", "larger than {pieces} files of {limit}")

# record --------------------------------------------------------------------------------------------------------------

TOO_LARGE: Final = Rule(
    "too-large", "record", "It has {size} bytes, the archive takes {limit}. It stays in the mailbox."
)
CRASHES: Final = Rule(
    "crashes",
    "record",
    "The process died {deaths} times in a row while it had only this message in hand.",
    alarming=True,
)
FAILED: Final = Rule("failed", "record", "It failed {attempts} times: {error}", alarming=True)
FORWARD_PENDING: Final = Rule("forward-pending", "record", "{reason}")
"""Held until the outgoing server has accepted the forward; `reason` is that of the rule that asked for the forward."""
FORWARDED: Final = _clause("forwarded", "{reason} Forwarded to {recipient}.")
DIGESTED: Final = _clause("digested", "{reason} Told of in a digest to {recipient}.")
START: Final = Rule("start", "record", "It was there before the service's first run, and start=now.")
START_UNSURE: Final = Rule(
    "start-unsure",
    "record",
    "The server has numbered its mail anew, and told other sizes or dates, so that nobody knows whether this mail was"
    " there before the service's first run (start=now). It stays in the mailbox. `held retry` takes it all the same.",
)
VANISHED: Final = Rule("vanished", "record", "It was no longer in the mailbox when it was to be read.")
VANISHED_AGAIN: Final = VANISHED.also(
    "again",
    "It was no longer in the mailbox when it was to be read again. The process that read it before ended before "
    "anything was recorded; what it had read is in files/mailintake/{batch}.",
)
VANISHED_UNSERVED: Final = VANISHED.also(
    "unserved", "It had not been read when the last service on its mailbox was removed or pointed elsewhere."
)
VANISHED_GIVEN_UP: Final = VANISHED.also(
    "given-up", "It had not been read whole, and the mail server did not hand it over again within {days} days."
)
ASKED_AGAIN: Final = frozenset(each.slug for each in (UNREADABLE, START_UNSURE))
"""Rules by which a mail is held without its bytes until it is asked for again, and comes."""
UNASKED: Final = frozenset(each.slug for each in (DUPLICATE, PROBE, UNREADABLE, TOO_LARGE, CRASHES, FAILED, VANISHED))
"""Rules of outcomes that say nothing about the plugins: none was asked, or not all of them."""
ADMINISTRATOR: Final = Rule("administrator", "record", "Discarded by {user}.")

# services ------------------------------------------------------------------------------------------------------------

STOPPED: Final = Rule("stopped", "service", "The service {service} has stopped. {why}")
OVERDUE: Final = Rule(
    "overdue",
    "service",
    "No round of the service {service} has gone well since {since}{added}, for {span}. {why}",
)
OVERDUE_WAITS: Final = OVERDUE.also(
    "waits", "Mail of the service {service} has waited since {since}, for {span}, although its rounds go well. {why}"
)
WAITS_UNDECIDED: Final = _clause(
    "waits-undecided", "Messages that are deferred or in work: {number}. The journal says why."
)
WAITS_LEFT: Final = _clause("waits-left", "Messages in the mailbox that no round has come to: {number}.")
WAITS_UNCLAIMED: Final = _clause(
    "waits-unclaimed",
    "Messages in the mailbox that no service there wants: {number}. Each is for another address than their catchemail.",
)
ADDED_THEN: Final = _clause("added", " (it was added or enabled then)")
NONE_BEGUN: Final = _clause("none", "None was begun since: does cron still run `trac-admin ENV mailintake run`?")
LAST_FAILED: Final = _clause("last-failed", "The last one, of {moment}, failed: {error}")
LAST_UNFINISHED: Final = _clause("last-unfinished", "The last one, of {moment}, did not come to its end.")
RECOVERED: Final = Rule(
    "recovered", "service", "The service {service} works again since {since}: it has recovered after {span}."
)
RESUMED: Final = RECOVERED.also(
    "resumed",
    "The service {service} works again: the mail that it tried went well. The mail server hands over what waits in its"
    " queue when it next tries to.",
)

# all -----------------------------------------------------------------------------------------------------------------

RULES: Final = {each.slug: each for each in globals().copy().values() if isinstance(each, Rule)}
"""Every rule by its slug, in the order of this module."""
WORDINGS: Final = tuple(each for each in globals().copy().values() if isinstance(each, Wording))
"""All further sentences and clauses."""
ALARMING: Final = tuple(slug for slug, each in RULES.items() if each.alarming)
"""The slugs of the alarming rules."""
_FOREIGN: Final = Rule("", "", "")


def rule(slug: str) -> Rule:
    """The rule with this slug. For a plugin's slug, a rule that notifies nobody and leaves mail to no other service."""
    return RULES.get(slug, _FOREIGN)


def because(kind: Callable[..., Made], reason: Reason, **more: object) -> Made:
    """A value of `model` with a rule and a reason (an objection, a target, an outcome); `more` are its other fields."""
    return kind(rule=reason.slug, reason=reason.sentence, because=reason, **more)
