"""Mails a day by outcome, against a journal that real mails made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from tests.tracker.journal.conftest import change
from trac_mailintake.tracker.db.transaction import SECOND
from trac_mailintake.tracker.journal.daily_counts import daily

if TYPE_CHECKING:
    from tests.components.mails import Mailbox
    from tests.servers.tracenv import TracEnv


AUTOMATIC = "Auto-Submitted: auto-replied\n"


def test_mails_are_counted_by_day_and_outcome(mailbox: Mailbox) -> None:
    """On the days of whoever looks; a day without mail is there, too; what is older is not."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=3)
    moments = [midnight + timedelta(minutes=10), midnight - timedelta(minutes=20), midnight - timedelta(days=60)]
    for number, moment in enumerate(moments, start=1):
        recorded = int(moment.timestamp()) * SECOND
        change(
            mailbox,
            "UPDATE mailintake_delivery SET recorded=%s WHERE message_id=%s",
            *(recorded, f"<{number}@example.net>"),
        )
    change(mailbox, "UPDATE mailintake_delivery SET service='sales' WHERE state='held'")
    days = {each.date: each.counts for each in daily(mailbox.trac.env, UTC)}
    assert len(days) == 30
    assert days[midnight.date()] == {"created": 1}
    assert days[midnight.date() - timedelta(days=1)] == {"created": 1}
    assert days[datetime.now(UTC).date()] == {"held": 1}
    assert sum(sum(each.values()) for each in days.values()) == 3
    assert sum(each.total for each in daily(mailbox.trac.env, UTC, "sales")) == 1
    # Where India is, both came on the same day; in Newfoundland (without its summer time), too, a day earlier.
    for hours, minutes, day in ((5, 30, 0), (-3, -30, -1)):
        zone = timezone(timedelta(hours=hours, minutes=minutes))
        there = {each.date: each.counts for each in daily(mailbox.trac.env, zone)}
        assert there[midnight.date() + timedelta(days=day)] == {"created": 2}


def test_the_journal_is_counted_in_its_index_alone(sqlite_env: TracEnv) -> None:
    """No row of it is read to count a month, however long the journal is."""
    with sqlite_env.env.db_transaction as db:
        cursor = db.cursor()
        cursor.execute(
            """EXPLAIN QUERY PLAN SELECT state, recorded - recorded %% 900000000, COUNT(*) FROM mailintake_delivery
               WHERE service=%s AND recorded>=%s GROUP BY state, recorded - recorded %% 900000000""",
            ("support", 1),
        )
        plan = cursor.fetchall()
    assert "USING COVERING INDEX mailintake_delivery_service_recorded_state_idx" in str(plan)
