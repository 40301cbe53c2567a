"""parse: what our own mail servers found out about a sender (RFC 8601), and which header fields they wrote.

Whoever sends a mail can write any header field. What the border host adds lies above its own `Received`, and whatever
came with the mail lies below: so only that counts which stands above the first `Received` of a configured host.
Nothing is verified here: the sender's address is not known any more, and keys change.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from authres import AuthenticationResultsHeader, AuthResError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from authres.core import AuthenticationResult

    Field = tuple[str, str]

LIMIT: Final = 8 * 1024
"""Characters of an Authentication-Results field; a longer one is not read, and proves nothing."""
MICROSOFT: Final = "protection.outlook.com"
"""Microsoft 365 writes its results without an authserv-id: they count as those of this host."""

_BY: Final = re.compile(r"(?:^|[\s(])by\s+([^\s;()]{1,255})", re.IGNORECASE)
_RECEIVED: Final = 2000
"""Characters of a `Received` field that are looked at."""
_RESULTS: Final = "authentication-results"
_SPAM_FLAG: Final = "x-spam-flag"
_SPAM_STATUS: Final = "x-spam-status"


def proof(fields: Iterable[Field], hosts: Sequence[str], address: str) -> str:
    """What proves that a mail is from `address`, such as `dmarc=pass by mx.example.org`; "" when nothing does.

    `fields` are all header fields from the top. `hosts` are authserv-ids, each with `:HOST` behind it when the host
    says another name in its `Received`. A DMARC failure outweighs whatever else passed.
    """
    domain = _domain(address)
    ids = {each.partition(":")[0].casefold() for each in hosts}
    found = ""
    for name, value in _of_ours(fields, hosts):
        for who, result in _results(value, ids) if name == _RESULTS else ():
            method = str(result.method).lower()
            passed = str(result.result).lower() == "pass"
            if method == "dmarc" and not passed:
                return ""
            if passed and (
                _dmarc(result, domain) if method == "dmarc" else method == "dkim" and _dkim(result, address)
            ):
                found = found or f"{method}=pass by {who}"
    return found


def spam(fields: Iterable[Field], hosts: Sequence[str]) -> str:
    """Which field of our own hosts says that a mail is spam; "" when none does. `fields`, `hosts` as for `proof`."""
    for name, value in _of_ours(fields, hosts):
        if name == _SPAM_FLAG and value.strip().lower() == "yes":
            return "X-Spam-Flag: YES"
        if name == _SPAM_STATUS and re.match(r"\s*yes\b", value, re.IGNORECASE):
            return "X-Spam-Status: Yes"
    return ""


def _of_ours(fields: Iterable[Field], hosts: Sequence[str]) -> list[Field]:
    """The fields (names in lower case) that our border host added; none when it left no `Received`.

    All that it added stands together: below a further `Received` nothing counts any more, so that a mail in which the
    host's name in `Received` is unknown gains nothing by a forged one of that name.
    """
    names = [each.rpartition(":")[2].casefold() for each in hosts]
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
    host = host.rstrip(".").casefold()
    return host == domain or host.endswith(f".{domain}")


def _results(value: str, ids: set[str]) -> Iterator[tuple[str, AuthenticationResult]]:
    """Who found out, and what; nothing of a field that is too long, that cannot be read, or that is another's."""
    if len(value) > LIMIT:
        return
    if "=" in value.partition(";")[0]:
        value = f"{MICROSOFT}; {value}"
    try:
        header = AuthenticationResultsHeader.parse_value(value)
    except (AuthResError, RecursionError):
        return
    who = str(header.authserv_id or "").casefold()
    if who in ids:
        yield from ((who, result) for result in header.results)


def _dmarc(result: AuthenticationResult, domain: str) -> bool:
    """RFC 7489, 3.1: it is about the domain of From, which must be named."""
    return bool(domain) and _plain_domain(_properties(result).get("from", "")) == domain


def _dkim(result: AuthenticationResult, address: str) -> bool:
    """RFC 6376, 3.5: the signer's domain is the very one of the address; an agent that names a person means him."""
    properties = _properties(result)
    agent = properties.get("i", "")
    local, _, agent_domain = agent.rpartition("@")
    if local and agent.casefold() != address.casefold():
        return False
    domain = _domain(address)
    signer = properties.get("d", "") or agent_domain
    return bool(domain) and _plain_domain(signer) == domain


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
    """A domain for comparison: A-labels (RFC 5890) where it can be written so, without case and the root's dot."""
    written = written.strip().rstrip(".").casefold()
    try:
        return written.encode("idna").decode("ascii") if written else ""
    except UnicodeError:
        return written
