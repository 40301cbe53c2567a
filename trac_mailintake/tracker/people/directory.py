"""screen: maps a message's sender to a user of Trac (docs/behaviour.md#sender). A raw From never names a user."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from trac.perm import PermissionSystem

from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Sender
from trac_mailintake.mail.headers.authentication_results import Lack, verdict_on
from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.mail.message import Address
from trac_mailintake.mail.scrub import BIDI_CONTROLS
from trac_mailintake.tracker.people.names_in_use import reserved
from trac_mailintake.tracker.people.newcomers import Stranger, newcomer
from trac_mailintake.tracker.people.own_addresses import own_addresses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trac.env import Environment

    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.headers.authentication_results import Verdict
    from trac_mailintake.mail.message import Message
    from trac_mailintake.mail.wording import Reason, Wording

ANONYMOUS: Final = "anonymous"
_NOT_A_NAME: Final = re.compile(rf"[\x00-\x20\x7f-\x9f<>\"\u2028\u2029{BIDI_CONTROLS}]+")
_NAME_LENGTH: Final = 120
_NOT_A_HOST: Final = re.compile(r"[^0-9A-Za-z.:\[\]_-]")
_BY_MAIL: Final = "by mail"
"""The name of a stranger whose address alone is the name of a user."""


@dataclass(frozen=True, slots=True)
class _Index:
    """The known users by address and username (`mailbox_key`). Ambiguous addresses (several users) match no user."""

    known: object
    """Trac's cache object when this was built; another object means that users have changed."""
    domain: str
    by_email: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_username: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_domain: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The reverse: username to addresses."""


class Directory:
    """Finds the known users of one environment by address."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        self._index: _Index | None = None

    def sender(self, message: Message, service: Service) -> Sender:
        """The message's sender; unmapped senders have the rights that the service gives to strangers."""
        author = message.author
        if author is None:
            reason = reasons.DISOWNED() if message.disowned else reasons.NO_ONE_FROM()
            return self._stranger("", ANONYMOUS, reason, service)
        verdict = verdict_on(message, service.authentication.authserv_ids)
        written = self._in_form(author, message, verdict, service)
        return self._in_from(author, message, verdict, service) if written is None else written

    def _in_from(self, author: Address, message: Message, verdict: Verdict, service: Service) -> Sender:
        """The user whom the From field names, or a stranger."""
        username, found = self.user(author.spec)
        proof = verdict.proof
        doubt = _doubt(verdict, service)
        reason = reasons.THEN(first=found, then=proof or _lack_of_proof(verdict))
        if username and doubt is None:
            said = reason.sentence
            return Sender(username, username, author.spec, mapped=True, reason=said, proof=proof, because=reason)
        if username and doubt:
            reason = doubt(first=reason)
        stranger = self._stranger(author.spec, self._written(author), reason, service)
        stranger = replace(stranger, proof=proof, doubted=doubt is not None)
        return stranger if doubt or self.knows(author.spec) else self._introduced(stranger, author, message, service)

    def _in_form(self, form: Address, message: Message, verdict: Verdict, service: Service) -> Sender | None:
        """Whoever wrote in a web form (`webforms`), None if the mail is from none: see docs/behaviour.md#web-forms."""
        forms = map(mailbox_key, service.strangers.webforms)
        if mailbox_key(form.spec) not in forms or _doubt(verdict, service) or len(message.reply_to) != 1:
            return None
        (person,) = message.reply_to
        if mailbox_key(person.spec) in {mailbox_key(form.spec), *own_addresses(self.env)}:
            return None
        reason = reasons.WEB_FORM(form=form.spec, address=person.spec)
        return replace(self._stranger(person.spec, self._written(person), reason, service), doubted=True)

    def _written(self, author: Address) -> str:
        """A stranger's text as reporter or author; never one that Trac takes for a user or a group, or shows as one.

        To people without EMAIL_VIEW, Trac shows nothing behind the first `@` (trac.util.text.obfuscate_email_address).
        So another address in the name would be shown instead of the sender's.
        """
        same = mailbox_key(author.name.strip()) == mailbox_key(author.spec)
        text = signature(author if same else replace(author, name=author.name.replace("@", " at ")))
        return f"{_BY_MAIL} <{text}>" if "<" not in text and text.casefold() in reserved(self.env) else text

    def knows(self, spec: str) -> bool:
        """Whether one or more users have the address `spec`."""
        index, wanted = self._current(), mailbox_key(spec)
        return any(wanted in each for each in (index.by_email, index.by_username, index.by_domain))

    def _introduced(self, stranger: Sender, author: Address, message: Message, service: Service) -> Sender:
        """A newcomer, with `createusers`: they get the permissions of their future user account."""
        found = newcomer(self.env, author, message, service)
        if found.reason is not None:
            reason = reasons.THEN(first=stranger.because or stranger.reason, then=found.reason)
            stranger = replace(stranger, reason=reason.sentence, because=reason)
        if isinstance(found, Stranger):
            return stranger
        who = found.newcomer
        if who.username:
            name, address = who.username, who.address
            return replace(stranger, username=name, author=name, address=address, mapped=True, new=True)
        reporter = service.strangers.reporterusername
        signed = stranger.author if reporter else self._written(Address(who.name, who.address))
        return replace(stranger, author=signed, new=True)

    def user(self, spec: str) -> tuple[str, Reason]:
        """The one known user with the address `spec`, "" when there is none; and why, in a clause."""
        index = self._current()
        wanted = mailbox_key(spec)
        for users, how in (
            (index.by_email.get(wanted), reasons.BY_EMAIL),
            (index.by_username.get(wanted), reasons.BY_USERNAME),
            (index.by_domain.get(wanted), reasons.BY_DOMAIN),
        ):
            if users:
                return self._only(spec, users, how)
        return "", reasons.NOBODY(address=spec)

    def _only(self, spec: str, users: tuple[str, ...], how: Wording) -> tuple[str, Reason]:
        if len(users) > 1:
            return "", reasons.SEVERAL(address=spec, users=", ".join(users))
        found = how(address=spec, user=users[0])
        if users[0] in PermissionSystem(self.env).get_groups_dict():
            return "", reasons.GROUP(first=found)
        return users[0], found

    def addresses(self, names: frozenset[str]) -> frozenset[str]:
        """The e-mail addresses of the known users with these names; all as `mailbox_key` gives them."""
        known = self._current().addresses
        return frozenset(address for name in names for address in known.get(name, ()))

    def _stranger(self, address: str, author: str, reason: Reason, service: Service) -> Sender:
        """With the rights of `actas`, or of `reporterusername`, who is also the author; else of `anonymous`."""
        of, acting = service.strangers.actas, service.strangers.reporterusername
        if acting:
            reason, author = reasons.THEN(first=reason, then=reasons.ACTS_AS(user=acting)), acting
        elif of:
            reason = reasons.THEN(first=reason, then=reasons.HAS_RIGHTS(user=of))
        rights = acting or of or ANONYMOUS
        return Sender(rights, author, address, mapped=False, reason=reason.sentence, because=reason)

    def _current(self) -> _Index:
        """The present index; rebuilt only if Trac's own cache was."""
        known = self.env.get_known_users(as_dict=True)
        domain = self.env.config.get("notification", "smtp_default_domain").strip()
        if self._index is None or self._index.known is not known or self._index.domain != domain:
            self._index = _build(known, domain)
        return self._index


def sender(env: Environment, message: Message, service: Service) -> Sender:
    """The sender of one message. For many messages keep a `Directory`."""
    return Directory(env).sender(message, service)


def _doubt(verdict: Verdict, service: Service) -> Wording | None:
    """Why the author does not act as a user, although their address is that of one; None if they do."""
    if verdict.refuted:
        return reasons.REFUTED
    return reasons.UNPROVED if service.authentication.require_auth and not verdict.proof else None


def proof_said(message: Message, service: Service) -> Reason:
    """Whether proof of a mail's sender was seen, and why not: for whoever tries a mail."""
    verdict = verdict_on(message, service.authentication.authserv_ids)
    if verdict.proof:
        return reasons.TRIED_PROOF(proof=verdict.proof)
    if verdict.lack is Lack.NO_AUTHOR:
        return reasons.TRIED_UNPROVED(why=reasons.NO_ONE_FROM())
    if verdict.lack is Lack.NO_HOSTS:
        return reasons.TRIED_UNPROVED(why=reasons.NO_HOSTS())
    return reasons.TRIED_UNPROVED(why=_lack_of_proof(verdict))


def _lack_of_proof(verdict: Verdict) -> Reason:
    """Why nothing proves the author. What a mail says of its hosts may be anything, and is cut."""
    host = _NOT_A_HOST.sub("?", verdict.detail)[:_NAME_LENGTH] or "none"
    match verdict.lack:
        case Lack.NO_BORDER:
            return reasons.NO_BORDER(host=host)
        case Lack.UNKNOWN_HOP:
            return reasons.UNKNOWN_HOP(host=host)
        case Lack.SUBMITTED:
            return reasons.SUBMITTED(host=host)
        case Lack.NO_RESULTS:
            return reasons.NO_RESULTS()
        case Lack.OTHERS:
            return reasons.OTHERS(host=host)
        case Lack.NOT_PASSED:
            return reasons.NOT_PASSED(results=verdict.detail[:_NAME_LENGTH])
        case _:
            return reasons.FROM_HEADER()


def signature(address: Address) -> str:
    """A stranger's text as reporter or author: `Name <address>`, or the address alone.

    What Trac cannot write in an address becomes U+FFFD: without it another mailbox would be named, and written to.
    """
    name = _NOT_A_NAME.sub(" ", address.name).strip()[:_NAME_LENGTH].rstrip()
    spec = _NOT_A_NAME.sub("\ufffd", address.spec)
    return f"{name} <{spec}>" if name and mailbox_key(name) != mailbox_key(spec) else spec


def _build(known: Mapping[str, tuple[str | None, str | None]], domain: str) -> _Index:
    by_email: dict[str, tuple[str, ...]] = {}
    by_username: dict[str, tuple[str, ...]] = {}
    by_domain: dict[str, tuple[str, ...]] = {}
    for username, (_, email) in known.items():
        if username in (ANONYMOUS, "authenticated"):
            continue
        _add(by_email, (email or "").strip(), username)
        if "@" in username:
            _add(by_username, username, username)
        elif domain:
            _add(by_domain, f"{username}@{domain}", username)
    addresses: dict[str, tuple[str, ...]] = {}
    for index in (by_email, by_username, by_domain):
        for address, users in index.items():
            for user in users:
                addresses[mailbox_key(user)] = (*addresses.get(mailbox_key(user), ()), address)
    return _Index(known, domain, by_email, by_username, by_domain, addresses)


def _add(index: dict[str, tuple[str, ...]], key: str, username: str) -> None:
    if "@" in key:
        wanted = mailbox_key(key)
        index[wanted] = (*index.get(wanted, ()), username)
