"""record: restricts what outsiders are sent about a ticket to comments.

Trac notifies reporters, people in cc and commenters, whether they are users or not. A subscription of an address cannot
be revoked (`NotificationSystem.subscriptions` honours `never` for sessions only). But of several subscriptions of one
address the first counts, and nothing is sent in a format that no formatter supports (`distribute_event`,
`EmailDistributor`, both in trac/notification): hence SILENCE.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from trac.notification.api import NotificationSystem
from trac.notification.mail import AlwaysEmailSubscriber
from trac.util.text import stripws

from trac_mailintake.mail.mailbox_key import mailbox_key
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
"""The format of a notification that must not be sent."""
_FIRST: Final = -sys.maxsize
_ADDRESSED: Final = AlwaysEmailSubscriber.__name__


def says(event: NotificationEvent) -> bool:
    """Whether the event is a new ticket or a change with a comment.

    Changes of fields alone and attachments do not count. Neither does a milestone that moves its tickets: the comment
    is Trac's own then, and the event has no time (trac/ticket/roadmap.py).
    """
    if event.category != "changed":
        return bool(event.category == "created")
    change = event.changes.get("fields", {}).get("comment", {})
    return event.time is not None and bool(stripws(event.comment or change.get("new") or ""))


def silences(
    env: Environment, event: NotificationEvent, directory: Directory, ours: INotificationSubscriber
) -> Iterator[Match]:
    """For an event without a comment: subscriptions that keep all subscribers except `ours` from writing to outsiders.

    Addresses in `smtp_always_cc` and `smtp_always_bcc` are not outsiders. Neither is an address that several users
    share: mail from it maps to none of them, but it is theirs.
    """
    outsiders = {each for each in writers(env, event.target.id) if not directory.knows(each)}
    if not outsiders:
        return
    for address in _addressed(env, event, ours):
        if mailbox_key(address) in outsiders:
            yield (type(ours).__name__, "email", None, 0, address, SILENCE, _FIRST, "always")


def _addressed(env: Environment, event: NotificationEvent, ours: INotificationSubscriber) -> set[str]:
    """The addresses that subscribers other than `ours` would write to, except those that an administrator chose."""
    subscribers = (each for each in NotificationSystem(env).subscribers if each is not ours)
    matches = [match for each in subscribers for match in each.matches(event) if match and _by_mail(match)]
    chosen = {match[4] for match in matches if match[0] == _ADDRESSED}
    return {str(match[4]) for match in matches} - chosen


def heard(subscriptions: Iterable[Subscription]) -> Sequence[Subscription]:
    """The subscriptions for which Trac would send something."""
    each_once: dict[tuple[object, ...], Subscription] = {}
    for each in subscriptions:
        each_once.setdefault(each[:4], each)
    return [each for each in each_once.values() if each[4] != SILENCE]


def _by_mail(match: Match) -> bool:
    """Whether the match is an address instead of a user."""
    return match[1] == "email" and not match[2] and bool(match[4])
