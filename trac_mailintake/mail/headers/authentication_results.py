"""parse: results of our own mail servers about a sender (RFC 8601), and which header fields these servers wrote.

A sender can write any header field. The border host adds its fields above its own `Received`, and everything that came
with the mail is below. So only fields above the first `Received` of a configured host count.
Nothing is verified here: the sender's IP address is no longer known, and keys change.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from authres import AuthenticationResultsHeader, AuthResError

from trac_mailintake.mail.mailbox_key import domain_key, mailbox_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from authres.core import AuthenticationResult

    from trac_mailintake.mail.message import Message

    Field = tuple[str, str]

LIMIT: Final = 8 * 1024
"""Longest Authentication-Results field, in characters; a longer one is not read, and proves nothing."""
MICROSOFT: Final = "protection.outlook.com"
"""Microsoft 365 writes results without an authserv-id; they count as those of this host."""

_BY: Final = re.compile(r"(?:^|[\s(])by\s+([^\s;()]{1,255})", re.IGNORECASE)
_RECEIVED: Final = 2000
"""Characters of a `Received` field that are examined."""
_RESULTS: Final = "authentication-results"
_SPAM_FLAG: Final = "x-spam-flag"
_SPAM_STATUS: Final = "x-spam-status"


def author_proof(message: Message, hosts: Sequence[str]) -> str:
    """The proof that a mail is from its author; "" without `hosts`, or if it has not exactly one author."""
    return proof(message.fields, hosts, message.author.spec) if hosts and message.author else ""


def proof(fields: Iterable[Field], hosts: Sequence[str], address: str) -> str:
    """The proof that a mail is from `address`, such as `dmarc=pass by mx.example.org`, or "".

    `fields` are all header fields from the top. `hosts` are authserv-ids, each followed by `:HOST` if the host uses
    another name in its `Received`. A DMARC failure outweighs all other results.
    """
    found = ""
    for who, result in _results_of_ours(fields, hosts):
        method = str(result.method).lower()
        passed = str(result.result).lower() == "pass"
        if method == "dmarc" and not passed:
            return ""
        if passed and method in _VOUCHES and _VOUCHES[method](result, address):
            found = found or f"{method}=pass by {who}"
    return found


def spam(fields: Iterable[Field], hosts: Sequence[str]) -> str:
    """The field of our own hosts that marks a mail as spam, or "". `fields`, `hosts` as for `proof`."""
    for name, value in _of_ours(fields, hosts):
        if name == _SPAM_FLAG and value.strip().lower() == "yes":
            return "X-Spam-Flag: YES"
        if name == _SPAM_STATUS and re.match(r"\s*yes\b", value, re.IGNORECASE):
            return "X-Spam-Status: Yes"
    return ""


def _results_of_ours(fields: Iterable[Field], hosts: Sequence[str]) -> Iterator[tuple[str, AuthenticationResult]]:
    """Authserv-id and result of all that our own hosts wrote, from the top."""
    ids = {domain_key(each.partition(":")[0]) for each in hosts}
    for name, value in _of_ours(fields, hosts):
        if name == _RESULTS:
            yield from _results(value, ids)


def _of_ours(fields: Iterable[Field], hosts: Sequence[str]) -> list[Field]:
    """The fields (names in lower case) that our border host added; none without a `Received` of it.

    Its fields are in one block: nothing counts below a further `Received`, so that a forged `Received` with the host's
    name is useless even if the host's real name there is unknown.
    """
    names = [domain_key(each.rpartition(":")[2]) for each in hosts]
    found: list[Field] = []
    closed = False
    for name, value in fields:
        field = name.lower()
        if field == "received":
            if any(_is_within(match[1], each) for match in _BY.finditer(value[:_RECEIVED]) for each in names):
                return found
            closed = bool(found)
        elif field in {_RESULTS, _SPAM_FLAG, _SPAM_STATUS} and not closed:
            found.append((field, value))
    return []


def _is_within(host: str, domain: str) -> bool:
    host = domain_key(host.rstrip("."))
    return host == domain or host.endswith(f".{domain}")


def _results(value: str, ids: set[str]) -> Iterator[tuple[str, AuthenticationResult]]:
    """Yield authserv-id and result; nothing for a field that is too long, unreadable, or by another host."""
    if len(value) > LIMIT:
        return
    if "=" in value.partition(";")[0]:
        value = f"{MICROSOFT}; {value}"
    try:
        header = AuthenticationResultsHeader.parse_value(value)
    except (AuthResError, RecursionError):
        return
    who = domain_key(str(header.authserv_id or ""))
    if who in ids:
        yield from ((who, result) for result in header.results)


def _dmarc(result: AuthenticationResult, address: str) -> bool:
    """Whether DMARC passed for the domain of `address`, the one of From, which must be named (RFC 7489, 3.1)."""
    domain = _domain(address)
    return bool(domain) and _plain_domain(_properties(result).get("from", "")) == domain


def _dkim(result: AuthenticationResult, address: str) -> bool:
    """Whether DKIM passed for exactly the address's domain (RFC 6376, 3.5), and this person if it names one."""
    properties = _properties(result)
    agent = properties.get("i", "")
    local, _, agent_domain = agent.rpartition("@")
    if local and mailbox_key(agent) != mailbox_key(address):
        return False
    domain = _domain(address)
    signer = properties.get("d", "") or agent_domain
    return bool(domain) and _plain_domain(signer) == domain


_VOUCHES: Final = {"dmarc": _dmarc, "dkim": _dkim}
"""By method: whether a result that passed is about an address."""


def _properties(result: AuthenticationResult) -> dict[str, str]:
    """Properties of the header, by name; the first of a name counts."""
    found: dict[str, str] = {}
    for each in result.properties:
        if str(each.type).lower() == "header":
            found.setdefault(str(each.name).lower(), str(each.value))
    return found


def _domain(address: str) -> str:
    return _plain_domain(address.rpartition("@")[2])


def _plain_domain(written: str) -> str:
    """A domain for comparison, without the root's dot."""
    return domain_key(written.strip().rstrip("."))
