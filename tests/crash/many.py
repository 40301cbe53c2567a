"""What is left of many mails: each became what it should, once."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from tests.crash import mails

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.crash.rounds import Seen, State

_REQUEST: Final = re.compile(r"Request (\d+)\Z")
_ANSWER: Final = re.compile(r"Re: Request (\d+)\Z")


def problems(state: State, sent: Sequence[bytes], *, alone: Iterable[str] = (), shared: bool = True) -> list[str]:
    """What is not as it should be after `mails.load`.

    `alone` are subjects that were in quarantine for a while: their answers may have become tickets of their own.
    Unless `shared`, some of the files lie elsewhere.
    """
    found = [f"{name} {number} times" for name, number in filed(state, set(alone)).items() if number != 1]
    missing = _wanted(sent) - set(filed(state, set(alone)))
    found += [f"lost: {name}" for name in sorted(missing)]
    outcomes = Counter(row.outcome for row in state.rows)
    if outcomes.total() != len(sent) or outcomes["created"] + outcomes["commented"] != len(sent):
        found.append(f"outcomes: {dict(outcomes)}")
    if state.ids != len(sent):
        found.append(f"{state.ids} ids")
    found += [f"a notification is owed: {row.subject}" for row in state.rows if row.notify]
    if shared:
        archived = Counter(row.archived for row in state.rows)
        if archived != Counter(map(mails.digest, sent)):
            found.append("the archive does not hold each mail once")
        found += [f"stray: {each}" for each in state.strays]
        found += [f"files of {each.summary}: {dict(each.attachments)}" for each in state.tickets if not whole(each)]
    return found


def _wanted(sent: Sequence[bytes]) -> set[str]:
    subjects = (re.search(rb"^Subject: (.*?)\r$", mail, re.MULTILINE) for mail in sent)
    bodies = (re.search(rb"^Answer (\d+)\.", mail, re.MULTILINE) for mail in sent)
    return {
        f"answer {body[1].decode()}" if body else (subject[1].decode() if subject else "?")
        for subject, body in zip(subjects, bodies, strict=True)
    }


def filed(state: State, alone: set[str]) -> Counter[str]:
    """How often each mail was filed where it belongs: requests by subject, answers by number.

    An answer to a subject that is `alone` may be a ticket of its own.
    """
    counts: Counter[str] = Counter()
    for ticket in state.tickets:
        if _REQUEST.match(ticket.summary):
            counts[ticket.summary] += 1
        elif (answer := _ANSWER.match(ticket.summary)) and f"Request {answer[1]}" in alone:
            counts["answer " + ticket.description.removeprefix("Answer ").removesuffix(".")] += 1
        else:
            counts[f"astray: {ticket.summary}"] += 2
        for comment in ticket.comments:
            counts["answer " + comment.removeprefix("Answer ").removesuffix(".")] += _belongs(comment, ticket)
    return counts


def _belongs(comment: str, ticket: Seen) -> int:
    """1 when the answer is to this request, else a number that shows."""
    number = int(comment.removeprefix("Answer ").removesuffix("."))
    return 1 if ticket.summary == f"Request {mails.answered(number)}" else 100


def whole(ticket: Seen) -> bool:
    """Whether a ticket has the files that its mail brought, and no others."""
    request = _REQUEST.match(ticket.summary)
    if not request:
        return not ticket.attachments
    content = mails.attachment(int(request[1]))
    return dict(ticket.attachments) == ({"notes.bin": mails.digest(content)} if content else {})
