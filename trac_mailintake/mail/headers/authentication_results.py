"""parse: what our own mail servers found out about a sender (RFC 8601), and which header fields these servers wrote.

A sender can write any header field. The border host adds its fields above its own `Received`, and everything that came
with the mail is below. So only fields above the first `Received` of a configured host count. Google writes its results
below its own `Received`: there only the first field counts, since what came with the mail is further down.
Nothing is verified here: the sender's IP address is no longer known, and keys change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail.headers.result_fields import results_of
from trac_mailintake.mail.mailbox_key import domain_key, mailbox_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trac_mailintake.mail.headers.result_fields import Result
    from trac_mailintake.mail.message import Message

    Field = tuple[str, str]

MICROSOFT: Final = "protection.outlook.com"
"""Microsoft 365 writes results without an authserv-id; they count as those of this host, which is its border host."""
GOOGLE: Final = "mx.google.com"
"""Google's authserv-id, which is also the name of its border hosts in `Received`."""
PRESETS: Final = {
    "google": (GOOGLE, ".google.com"),
    "microsoft": (MICROSOFT, ".outlook.com", ".office365.com"),
}
"""Words of `authserv_ids` that stand for others."""

_BY: Final = re.compile(r"(?:^|[\s(])by\s+([^\s;()]{1,255})", re.IGNORECASE)
_LOGGED_IN: Final = re.compile(r"\bwith\s+(?:UTF8)?(?:E?SMTP|LMTP)S?A\b", re.IGNORECASE)
"""How a host says that its client authenticated itself (RFC 3848, RFC 6531)."""
_OF_GOOGLE: Final = re.compile(r"2002:[0-9a-f:.]+\Z", re.IGNORECASE)
"""Google's inner hosts have no names: they write their IPv6 addresses."""
_RECEIVED: Final = 2000
"""Characters of a `Received` field that are examined. A longer one without our host there hides who wrote it."""
_RESULTS: Final = "authentication-results"
_SPAM_FLAG: Final = "x-spam-flag"
_SPAM_STATUS: Final = "x-spam-status"


class Lack(Enum):
    """Why nothing proves a sender. `Verdict.detail` says more where the comment says so."""

    NO_HOSTS = auto()
    NO_AUTHOR = auto()
    NO_BORDER = auto()
    """No `Received` is by a configured host (detail: the topmost one that another host wrote)."""
    UNKNOWN_HOP = auto()
    """A host that is no inner hop (detail) received the mail after the border host."""
    SUBMITTED = auto()
    """The mail was submitted by an authenticated client at an inner hop (detail)."""
    NO_RESULTS = auto()
    """The border host (detail) wrote none."""
    OTHERS = auto()
    """The results are by a host that is not configured (detail)."""
    NOT_PASSED = auto()
    """Detail: the results that count."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What our own mail servers say about the address of a mail's one author.

    `proof` is what proves it, such as `dmarc=pass by mx.example.org`, or "". `refuted` is `dmarc=fail by …` if DMARC
    failed, or "". `lack` says why there is no proof.
    """

    proof: str = ""
    refuted: str = ""
    lack: Lack | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Trusted:
    """The hosts of `authserv_ids`, as `domain_key` gives them."""

    ids: frozenset[str]
    borders: tuple[str, ...]
    """Names of border hosts in their `Received`, or domains of such names."""
    inner: tuple[str, ...]
    """Domains of the hosts that may receive a mail after the border host. Empty: any host may."""
    google: bool
    """Whether results of `GOOGLE` are below its `Received`."""


@dataclass(frozen=True, slots=True)
class _Block:
    """The fields (names in lower case) that our border host added, or why none are known."""

    fields: Sequence[Field] = ()
    lack: Lack | None = None
    detail: str = ""


def verdict_on(message: Message, hosts: Sequence[str]) -> Verdict:
    """What `hosts` say about the author of a mail, found once for each mail."""
    return message.once(("verdict", tuple(hosts)), lambda: _verdict_on(message, hosts))


def author_proof(message: Message, hosts: Sequence[str]) -> str:
    """The proof that a mail is from its author; "" without `hosts`, or if it has not exactly one author."""
    return verdict_on(message, hosts).proof


def proof(fields: Iterable[Field], hosts: Sequence[str], address: str) -> str:
    """The proof that a mail is from `address`, such as `dmarc=pass by mx.example.org`, or ""; see `verdict`."""
    return verdict(fields, hosts, address).proof


def verdict(fields: Iterable[Field], hosts: Sequence[str], address: str) -> Verdict:
    """What our own mail servers say about `address`, the one address of the one From field.

    `fields` are all header fields from the top. `hosts` are the words of `authserv_ids`: authserv-ids, each followed by
    `:HOST` if the host uses another name in its `Received`; domains of inner hops, each after a dot; and `PRESETS`. Any
    other result of DMARC outweighs all that passed.
    """
    trusted = _trusted(hosts)
    block = _of_ours(tuple(fields), trusted)
    if block.lack is not None:
        return Verdict(lack=block.lack, detail=block.detail)
    ours: list[tuple[str, Result]] = []
    others: list[str] = []
    for written in (results_of(value, MICROSOFT) for name, value in block.fields if name == _RESULTS):
        who = domain_key(written.who)
        if who in trusted.ids:
            ours += ((who, each) for each in written.results)
        else:
            others.append(written.who or "?")
    if ours:
        return _judged(ours, address)
    return Verdict(lack=Lack.OTHERS, detail=others[0]) if others else Verdict(lack=Lack.NO_RESULTS)


def spam(fields: Iterable[Field], hosts: Sequence[str]) -> str:
    """The field of our own hosts that marks a mail as spam, or "". `fields`, `hosts` as for `verdict`."""
    for name, value in _of_ours(tuple(fields), _trusted(hosts)).fields:
        if name == _SPAM_FLAG and value.strip().lower() == "yes":
            return "X-Spam-Flag: YES"
        if name == _SPAM_STATUS and re.match(r"\s*yes\b", value, re.IGNORECASE):
            return "X-Spam-Status: Yes"
    return ""


def _verdict_on(message: Message, hosts: Sequence[str]) -> Verdict:
    if not hosts:
        return Verdict(lack=Lack.NO_HOSTS)
    if message.author is None:
        return Verdict(lack=Lack.NO_AUTHOR)
    return verdict(message.fields, hosts, message.author.spec)


def _judged(ours: Sequence[tuple[str, Result]], address: str) -> Verdict:
    """What results of ours, from the top, say about an address."""
    denied = {each.result: who for who, each in ours if each.method == "dmarc" and each.result != "pass"}
    if "fail" in denied:
        said = f"dmarc=fail by {denied['fail']}"
        return Verdict(refuted=said, lack=Lack.NOT_PASSED, detail=said)
    for who, each in ours:
        if _vouches(each, address) and not denied:
            return Verdict(proof=f"{each.method}=pass by {who}")
    said = ", ".join(dict.fromkeys(f"{each.method}={each.result}" for _, each in ours))
    return Verdict(lack=Lack.NOT_PASSED, detail=f"{said} by {ours[0][0]}")


# which fields are ours -----------------------------------------------------------------------------------------------


def _trusted(hosts: Sequence[str]) -> _Trusted:
    words = [word for each in hosts for word in PRESETS.get(each.lower(), (each,))]
    named = [each for each in words if not each.startswith(".")]
    return _Trusted(
        frozenset(domain_key(each.partition(":")[0]) for each in named),
        tuple(domain_key(each.rpartition(":")[2]) for each in named),
        tuple(domain_key(each[1:]) for each in words if each.startswith(".")),
        google=any(each.lower() == "google" for each in hosts),
    )


def _of_ours(fields: Sequence[Field], trusted: _Trusted) -> _Block:
    """The fields that our border host added; none without a `Received` of it.

    Its fields are in one block: nothing counts below a further `Received`, so that a forged `Received` with the host's
    name is useless even if the host's real name there is unknown.
    """
    found: list[Field] = []
    closed = False
    topmost = ""
    for place, (name, value) in enumerate(fields):
        field = name.lower()
        if field == "received":
            hop = _BY.findall(value[:_RECEIVED])
            border = _border(hop, trusted)
            if border:
                return _Block(_below(fields[place + 1 :]) if trusted.google and border == GOOGLE else found)
            unfit = _unfit(value, hop, trusted)
            if unfit is not None:
                return unfit
            closed = bool(found)
            topmost = topmost or " ".join(hop)
        elif field in {_RESULTS, _SPAM_FLAG, _SPAM_STATUS} and not closed:
            found.append((field, value))
    return _Block(lack=Lack.NO_BORDER, detail=topmost)


def _border(hop: Sequence[str], trusted: _Trusted) -> str:
    """The border host that wrote a `Received`, by the names behind its `by`; "" if another host did."""
    return next((each for each in trusted.borders if any(_is_within(host, each) for host in hop)), "")


def _unfit(value: str, hop: Sequence[str], trusted: _Trusted) -> _Block | None:
    """Why nothing counts below the `Received` of an inner hop; None if it is fit.

    A mail that comes past the border host may bring a forged `Received` of that host. So if the inner hops are known,
    any other host closes the header, and so does one where the mail was submitted. A client can write names behind a
    further `by` into a comment, so all of them must be those of inner hops. And it chooses the name in its greeting,
    which can push our own `by` out of what is examined: such a field could be that of the border host.
    """
    if len(value) > _RECEIVED:
        return _Block(lack=Lack.UNKNOWN_HOP, detail=" ".join(hop) or "?")
    if not trusted.inner:
        return None
    if not hop or not all(_is_inner(host, trusted) for host in hop):
        return _Block(lack=Lack.UNKNOWN_HOP, detail=" ".join(hop) or "?")
    if _LOGGED_IN.search(value[:_RECEIVED]):
        return _Block(lack=Lack.SUBMITTED, detail=hop[0])
    return None


def _is_inner(host: str, trusted: _Trusted) -> bool:
    if trusted.google and _OF_GOOGLE.match(host):
        return True
    return any(_is_within(host, each) for each in trusted.inner)


def _below(fields: Sequence[Field]) -> list[Field]:
    """Google's results: the first field of that name behind its `Received`, with no other `Received` between."""
    for name, value in fields:
        field = name.lower()
        if field == "received":
            break
        if field == _RESULTS:
            return [(field, value)]
    return []


def _is_within(host: str, domain: str) -> bool:
    host = domain_key(host.rstrip("."))
    return host == domain or host.endswith(f".{domain}")


# what they prove -----------------------------------------------------------------------------------------------------


def _dmarc(result: Result, address: str) -> bool:
    """Whether DMARC passed for the domain of `address`, the one of From, which must be named (RFC 7489, 3.1)."""
    domain = _domain(address)
    return bool(domain) and _plain_domain(result.header.get("from", "")) == domain


def _dkim(result: Result, address: str) -> bool:
    """Whether DKIM passed for exactly the address's domain (RFC 6376, 3.5), and this person if it names one."""
    agent = result.header.get("i", "")
    local, _, agent_domain = agent.rpartition("@")
    if local and mailbox_key(agent) != mailbox_key(address):
        return False
    domain = _domain(address)
    signer = result.header.get("d", "") or agent_domain
    return bool(domain) and _plain_domain(signer) == domain


_METHODS: Final = {"dmarc": _dmarc, "dkim": _dkim}
"""By method: whether a result that passed is about an address."""


def _vouches(result: Result, address: str) -> bool:
    """Whether a result proves that a mail is from an address."""
    return result.result == "pass" and result.method in _METHODS and _METHODS[result.method](result, address)


def _domain(address: str) -> str:
    return _plain_domain(address.rpartition("@")[2])


def _plain_domain(written: str) -> str:
    """A domain for comparison, without the root's dot."""
    return domain_key(written.strip().rstrip("."))
