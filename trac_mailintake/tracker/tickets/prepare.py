"""handle: checks a change as the web interface would: permissions, fields, workflow, limits, manipulators.

The result is ready to be written. `explain` makes the same checks, except those that may write.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trac.resource import ResourceNotFound
from trac.ticket.api import TicketSystem
from trac.ticket.web_ui import TicketModule
from trac.util.datefmt import to_utimestamp
from trac.util.text import stripws

from trac_mailintake.intake import reasons
from trac_mailintake.intake.errors import Misconfiguration, Stale
from trac_mailintake.intake.model import Attachment, Followup, Hold, Reopen, Step
from trac_mailintake.intake.ports import Prepared
from trac_mailintake.intake.reasons import because
from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.mail.wiki.truncate import cut
from trac_mailintake.tracker.config.field_choices import type_named
from trac_mailintake.tracker.people.directory import ANONYMOUS
from trac_mailintake.tracker.people.newcomers import Introduced, Stranger, newcomer
from trac_mailintake.tracker.tickets.check_attachments import Enclosing, code
from trac_mailintake.tracker.tickets.workflow import Offer
from trac_mailintake.tracker.tickets.write import Draft
from trac_mailintake.tracker.trac_calls import browser_text
from trac_mailintake.tracker.trac_calls.component_errors import asking
from trac_mailintake.tracker.trac_calls.mail_request import mail_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trac.env import Environment
    from trac.ticket.model import Ticket
    from trac.web.api import Request

    from trac_mailintake.intake.model import Change, Objection, Sender
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.message import Message
    from trac_mailintake.mail.wording import Reason
    from trac_mailintake.tracker.people.contacts import Newcomer
    from trac_mailintake.tracker.tickets.permission_cache import Rights
    from trac_mailintake.tracker.tickets.stage_attachments import Staging
    from trac_mailintake.tracker.tickets.ticket_copies import Models

NO_TEXT: Final = "(no text)"
_CLOSED: Final = "closed"
_REOPEN: Final = "reopen"
_LEAVE: Final = "leave"
_CREATE: Final = "create"
_OWN_FIELDS: Final = {"summary", "description", "reporter", "status", "resolution", "time", "changetime"}
"""Fields that a change does not set through `fields`."""
_CC_SEPARATOR: Final = re.compile(r"[;,\s]+")
_BLANKS: Final = re.compile(r"\s+")


class Drafting:
    """Turns one change into a draft. `staging` is None for `explain`."""

    def __init__(
        self,
        env: Environment,
        models: Models,
        rights: Rights,
        staging: Staging | None,
        change: Change,
        message: Message,
    ) -> None:
        self.env = env
        self.rights = rights
        self.models = models
        self.change = change
        self.message = message
        self.staging = staging
        self.explain = staging is None
        self.steps: list[Step] = []
        self.added: tuple[str, ...] = ()
        """What was added to cc."""
        self.system = TicketSystem(env)
        self.enclosing: Enclosing | None = None

    def prepare(self, service: Service) -> Prepared | Objection:
        """The change ready to be written, or an objection.

        Raises Stale if the ticket is gone, Misconfiguration for an unknown field or a failed plugin, TemporaryFailure
        if a plugin could not work for now, OSError.
        """
        sender = self.change.sender
        self.address = "" if sender.mapped else sender.address
        self.newcomer = self._newcomer(service) if sender.new else None
        target = self.change.target
        try:
            prepared = self._followup(target) if isinstance(target, Followup) else self._new_ticket(_presets(service))
        except BaseException:
            self.rights.forget()
            self._abandon()
            raise
        if not isinstance(prepared, Prepared):
            self._abandon()
        return prepared

    def _newcomer(self, service: Service) -> Newcomer:
        """The newcomer to remember. Raises Stale if the account planned for this sender has changed meanwhile."""
        author = self.message.author
        found = newcomer(self.env, author, self.message, service) if author else Stranger(None)
        match found:
            case Introduced(who) if who.username in {"", self.change.sender.author}:
                return who
            case _:
                raise Stale("Who the sender is to become was decided differently meanwhile.")

    def _abandon(self) -> None:
        """Remove what was staged for a change that will not be filed."""
        if self.enclosing:
            self.enclosing.abandon()

    def _enclosing(self, request: Request, ticket: Ticket) -> Enclosing:
        self.enclosing = Enclosing(self.env, self.staging, request, ticket.resource, self.change.sender.author)
        return self.enclosing

    # new tickets

    def _new_ticket(self, presets: Mapping[str, str]) -> Prepared | Objection:
        change, sender = self.change, self.change.sender
        rights = self.rights.of(sender.username)
        request = mail_request(self.env, sender.username, "/newticket", {"author": sender.author}, rights)
        if "TICKET_CREATE" not in request.perm("ticket"):
            return _forbidden(sender, "TICKET_CREATE", reasons.TO_CREATE())
        ticket = self.models.new()
        enclosing = self._enclosing(request, ticket)
        summary, overflow = self._summary()
        ticket["summary"] = summary
        ticket["reporter"] = sender.author
        given = {**presets, **change.fields}
        self._set_fields(ticket, given)
        self._say_filled(given)
        self._add_cc(request, ticket)
        ticket["description"] = self._text(enclosing, overflow + change.text, self.system.max_description_size)
        offer = Offer(self.env, request, ticket)
        action = _CREATE if _CREATE in offer else offer.first()
        if action is None:
            return because(Hold, reasons.WORKFLOW(user=sender.username))
        changes, problems = offer.changes(action)
        if problems:
            raise Misconfiguration(f"[ticket] workflow: {'; '.join(problems)}")
        for name, value in changes.items():
            ticket[name] = value
        browser_text.settle(ticket)
        return self._judged(offer, enclosing, action, "")

    def _set_fields(self, ticket: Ticket, fields: Mapping[str, str]) -> None:
        known = {field["name"] for field in ticket.fields} - _OWN_FIELDS
        for name, value in fields.items():
            if name not in known:
                allowed = ", ".join(sorted(known))
                raise Misconfiguration(f"There is no ticket field {name!r} to be set. There are: {allowed}")
            ticket[name] = type_named(self.env, value) if name == "type" else value

    def _say_filled(self, given: Mapping[str, str]) -> None:
        """Explain the fields that nobody set: what a mail has, its service may preset."""
        for name, value in self.models.filled().items() if self.explain else ():
            if value and name not in given:
                self._say(reasons.FORM_SELECT(field=name, value=value))

    def _summary(self) -> tuple[str, str]:
        """The summary within Trac's limit, and the rest of it for the description."""
        whole = _BLANKS.sub(" ", self.change.summary).strip() or "(no subject)"
        limit = self.system.max_summary_size
        if len(whole) <= limit:
            return whole, ""
        self._say(reasons.SUMMARY_CUT(length=len(whole), limit=limit))
        cut = max(limit - 1, 1)
        return f"{whole[:cut]}…"[:limit], f"{code(f'…{whole[cut:]}')}\n\n"

    # comments

    def _followup(self, target: Followup) -> Prepared | Objection:
        sender = self.change.sender
        try:
            ticket = self.models.existing(target.ticket)
        except ResourceNotFound:
            raise Stale(f"Ticket #{target.ticket} does not exist any more.") from None
        arguments = {"author": sender.author, "view_time": str(to_utimestamp(ticket["changetime"]))}
        request = mail_request(self.env, sender.username, f"/ticket/{ticket.id}", arguments)
        if "TICKET_APPEND" not in request.perm(ticket.resource):
            return _forbidden(sender, "TICKET_APPEND", reasons.TO_COMMENT(ticket=ticket.id))
        enclosing = self._enclosing(request, ticket)
        for reason in self.change.because:
            self._say(reason)
        text = self._text(enclosing, self.change.text, self.system.max_comment_size)
        request.args["comment"] = comment = text if stripws(text) else NO_TEXT
        self._add_cc(request, ticket)
        offer = Offer(self.env, request, ticket)
        action = self._reopen(offer) or _LEAVE
        return self._judged(offer, enclosing, action, comment)

    def _add_cc(self, request: Request, ticket: Ticket) -> None:
        """Add to cc what the sender may add: themselves, or anybody with TICKET_EDIT_CC, as in the web form.

        Strangers do not have that by `actas` or `reporterusername`: Trac would send their words to whomever they name.
        """
        before = _split(ticket["cc"])
        added = _joined(ticket["cc"], self.change.cc)[len(before) :]
        if not added:
            return
        permissions = request.perm(ticket.resource)
        if ticket.exists and "TICKET_CHGPROP" not in permissions:
            self._left_out(added, "TICKET_CHGPROP")
            return
        if self._is_lent or "TICKET_EDIT_CC" not in permissions:
            added = self._only_own(added, request.authname)
        if added:
            ticket["cc"] = ", ".join([*before, *added])
            self.added = tuple(added)

    @property
    def _is_lent(self) -> bool:
        """Whether the sender has the rights of somebody else."""
        sender = self.change.sender
        return not sender.mapped and sender.username != ANONYMOUS

    def _only_own(self, names: list[str], user: str) -> list[str]:
        """Leave out all but the sender."""
        own = {mailbox_key(self.change.sender.address), mailbox_key(user)}
        self._left_out([each for each in names if mailbox_key(each) not in own], "TICKET_EDIT_CC")
        return [each for each in names if mailbox_key(each) in own]

    def _left_out(self, names: list[str], permission: str) -> None:
        listed, user = ", ".join(names), self.change.sender.username
        if names and self._is_lent and permission == "TICKET_EDIT_CC":
            self._say(reasons.CC_LENT(names=listed, user=user))
        elif names:
            self._say(reasons.CC(names=listed, user=user, permission=permission))

    def _reopen(self, offer: Offer) -> str | None:
        """Apply the workflow's `reopen` to a closed ticket. Returns the action; None if the ticket stays closed."""
        ticket = offer.ticket
        if ticket["status"] != _CLOSED or self.change.reopen is not Reopen.IF_ALLOWED:
            return None
        if _REOPEN not in offer:
            self._say(reasons.STAYS_CLOSED())
            return None
        changes, problems = offer.changes(_REOPEN)
        status = changes.get("status", _CLOSED)
        beyond = changes.keys() - {"status", "resolution", *ticket._old}  # noqa: SLF001 - as Trac's own check asks
        if problems or status == _CLOSED:
            self._say(reasons.STAYS_CLOSED_ELSEWHERE())
            return None
        if beyond and "TICKET_CHGPROP" not in offer.request.perm(ticket.resource):
            self._say(reasons.STAYS_CLOSED_FIELDS())
            return None
        for name, value in changes.items():
            ticket[name] = value
        self._say(reasons.REOPENED(ticket=ticket.id, status=status))
        return _REOPEN

    # both

    def _say(self, reason: Reason) -> None:
        """A step of the trail."""
        self.steps.append(Step.of("handle", reason))

    def _text(self, enclosing: Enclosing, text: str, limit: int) -> str:
        """The description or comment, with all attachments taken. A text that is too long is cut, and attached whole.

        The text is in its stored form, which Trac's `limit` counts.
        """
        for wanted in self.change.attachments:
            enclosing.take(wanted)
        text = _renamed(text, enclosing.renamed, self._unattached(enclosing))
        stored = browser_text.area(text + self._refusals(enclosing))
        fits = len(stored) <= limit
        if fits and not self._overlong():
            return stored
        whole = self._attach_whole(enclosing, "" if fits else text)
        where = reasons.WHOLE_TEXT(names=", ".join(whole)) if whole else ""
        note = f"\n\n''(The text was cut here.{where})''{self._refusals(enclosing)}"
        self._say(reasons.TEXT_CUT(limit=limit, whole=where))
        kept = _cut(text, limit - len(browser_text.area(note)))
        return browser_text.area(_cut(kept + note, limit))

    def _unattached(self, enclosing: Enclosing) -> set[str]:
        """The names of images in the text that will not be attached: another attachment may have such a name."""
        if not self.message.markup:
            return set()
        return {part.filename for part in self.message.parts if part.content_id} - enclosing.renamed.keys()

    def _overlong(self) -> bool:
        """Whether the message has more text than was parsed, and the handler did not attach it."""
        attached = {wanted.part.path for wanted in self.change.attachments}
        return self.message.overlong and not all(part.path in attached for part in self.message.text_parts)

    def _attach_whole(self, enclosing: Enclosing, text: str) -> tuple[str, ...]:
        """Attach the text, and its source parts if these were parsed only in part. Returns the text's file names."""
        attached = {wanted.part.path for wanted in self.change.attachments}
        for part in self.message.text_parts if self.message.overlong else ():
            extension = "html" if part.content_type == "text/html" else "txt"
            if part.path not in attached:
                enclosing.take(Attachment(f"original.{extension}", part))
        return enclosing.take_text(text) if text else ()

    def _refusals(self, enclosing: Enclosing) -> str:
        if not enclosing.refused:
            return ""
        return "\n\nNot attached; an administrator finds it in the journal:\n" + "\n".join(enclosing.refused)

    def _judged(self, offer: Offer, enclosing: Enclosing, action: str, comment: str) -> Prepared | Objection:
        """Call the manipulators. If one objects, the mail is held."""
        objections = self._objections(offer.request, offer.ticket, comment)
        if objections:
            return because(Hold, reasons.TICKET_MANIPULATOR(objections="; ".join(objections)))
        draft = Draft(
            ticket=offer.ticket,
            author=self.change.sender.author,
            comment=comment,
            enclosures=tuple(enclosing.kept),
            action=action,
            controllers=offer.controllers(action),
            request=offer.request,
            address=self.address,
            quiet=self.change.quiet,
            newcomer=self.newcomer,
        )
        steps = (*self.steps, *enclosing.steps)
        ticket = offer.ticket
        fields = _shown(ticket) if self.explain else {}
        cc = self.added if ticket.exists else tuple(_split(ticket["cc"]))
        return Prepared(self.change, draft, steps, fields, cc)

    def _objections(self, request: Request, ticket: Ticket, comment: str) -> list[str]:
        said: list[str] = []
        skipped = []
        for manipulator in TicketModule(self.env).ticket_manipulators:
            if self.explain and manipulator is not self.system:
                skipped.append(type(manipulator).__name__)
                continue
            with asking(self.env, manipulator):
                if ticket.exists and hasattr(manipulator, "validate_comment"):
                    said += (f"comment: {text}" for text in manipulator.validate_comment(request, comment))
                for field, text in manipulator.validate_ticket(request, ticket):
                    said.append(f"{field}: {text}" if field else str(text))
        if skipped:
            self._say(reasons.SKIPPED(manipulators=", ".join(skipped)))
        return said


def _cut(text: str, limit: int) -> str:
    """The beginning of a text, at most `limit` characters in its stored form."""
    limit = max(limit, 0)
    room, left = limit, cut(text, limit)
    while (over := len(browser_text.area(left)) - limit) > 0:
        room = max(room - over, 0)
        left = cut(text, room)
    return left


def _shown(ticket: Ticket) -> Mapping[str, str]:
    """The fields of a new ticket that have a value, but for those that are shown otherwise."""
    if ticket.exists:
        return {}
    names = [field["name"] for field in ticket.fields if field["name"] not in _OWN_FIELDS - {"status"} | {"cc"}]
    return {name: str(ticket[name]) for name in names if ticket[name]}


def _presets(service: Service) -> dict[str, str]:
    """The custom fields that the service presets."""
    return {name: text for name in service.presets if (text := service.parameters.text(name))}


def _forbidden(sender: Sender, permission: str, wish: Reason) -> Hold:
    user = sender.username
    missing = reasons.PERMISSION_ANONYMOUS if user == ANONYMOUS else reasons.PERMISSION
    return because(Hold, missing(user=user, wish=wish, permission=permission))


def _renamed(text: str, renamed: Mapping[str, str], unattached: set[str]) -> str:
    """The text with the names that its images have in the ticket, and without images that are not attached."""
    names = {old: new for old, new in renamed.items() if old != new} | dict.fromkeys(unattached, "")
    if not names or "[[Image(" not in text:
        return text
    choice = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    image = re.compile(rf"(?<!!)(\[\[Image\(\s*)({choice})(?=\s*(?:,[^\]\n]*)?\)\]\])([^\]\n]*\]\])")
    return image.sub(lambda found: f"{found[1]}{new}{found[3]}" if (new := names[found[2]]) else code(found[2]), text)


def _split(cc: str | None) -> list[str]:
    return [each for each in _CC_SEPARATOR.split(cc or "") if each]


def _joined(cc: str | None, more: Iterable[str]) -> list[str]:
    """Both lists joined, without duplicates (compared by `mailbox_key`)."""
    people: dict[str, str] = {}
    for each in (*_split(cc), *more):
        people.setdefault(mailbox_key(each), each)
    return list(people.values())
