"""record: what people who are known by their mails alone are told of a ticket: what somebody says, and nothing else.

Trac writes to whoever is reporter, in cc, or has commented, users or not. Its subscriptions to an address cannot be
taken back (`NotificationSystem.subscriptions` honours `never` for sessions only), but of several to one address the
first counts, and an address whose format nobody can write gets nothing (`distribute_event`, `EmailDistributor`, both in
trac/notification): hence SILENCE.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from trac.notification.api import NotificationSystem
from trac.notification.mail import AlwaysEmailSubscriber
from trac.util.text import stripws

from trac_mailintake.tracker.message_ids.ticket_mails import writers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trac.env import Environment
    from trac.notification.api import INotificationSubscriber, NotificationEvent

    from trac_mailintake.tracker.people.directory import Directory

Match = tuple[str, str, str | None, int, str | None, str | None, int, str]
"""Class, distributor, session, authenticated, address, format, priority, adverb: as a subscriber gives them."""

Subscription = tuple[str | None, int, str | None, str, str | None]
"""Session, whether it is a user's, address, transport, format: as Trac gives them."""

SILENCE: Final = "mailintake/silence"
"""The format of a notification that is not to be sent."""
_FIRST: Final = -sys.maxsize
_ADDRESSED: Final = AlwaysEmailSubscriber.__name__


def says(event: NotificationEvent) -> bool:
    """Whether the event is a new ticket, or a change in which somebody says something.

    No change of fields does, no attachment, and no milestone that takes its tickets elsewhere: the comment is Trac's
    own then, and the event has no time (trac/ticket/roadmap.py).
    """
    if event.category != "changed":
        return bool(event.category == "created")
    change = event.changes.get("fields", {}).get("comment", {})
    return event.time is not None and bool(stripws(event.comment or change.get("new") or ""))


def silences(
    env: Environment, event: NotificationEvent, directory: Directory, ours: INotificationSubscriber
) -> Iterator[Match]:
    """For an event that says nothing: what keeps each subscriber but `ours` from writing to outsiders.

    Those whom the administrator chose to write to always (`smtp_always_cc`, `smtp_always_bcc`) are none. Nor is an
    address that several users share: it means nobody of them who writes, but it is theirs.
    """
    outsiders = {each for each in writers(env, event.target.id) if not directory.knows(each)}
    if not outsiders:
        return
    subscribers = (each for each in NotificationSystem(env).subscribers if each is not ours)
    matches = [match for each in subscribers for match in each.matches(event) if match and _by_mail(match)]
    chosen = {match[4] for match in matches if match[0] == _ADDRESSED}
    for address in {str(match[4]) for match in matches} - chosen:
        if address.casefold() in outsiders:
            yield (type(ours).__name__, "email", None, 0, address, SILENCE, _FIRST, "always")


def heard(subscriptions: Iterable[Subscription]) -> Sequence[Subscription]:
    """Those of the subscriptions that something is sent for, as Trac itself would choose."""
    each_once: dict[tuple[object, ...], Subscription] = {}
    for each in subscriptions:
        each_once.setdefault(each[:4], each)
    return [each for each in each_once.values() if each[4] != SILENCE]


def _by_mail(match: Match) -> bool:
    """Whether it means an address instead of somebody's account."""
    return match[1] == "email" and not match[2] and bool(match[4])
