"""The admin panel *Mail Intake / Status*: how each service stands, and how many mails a day became what."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from trac.web.api import HTTPNotFound

from trac_mailintake.components import bridge
from trac_mailintake.components.options import VIEW, MailIntakeSystem
from trac_mailintake.components.panels.base import Panel, unknown

if TYPE_CHECKING:
    from trac.web.api import Request

    from trac_mailintake.components.panels.base import Page


class StatusPanel(Panel):
    """Shows figures and a picture to whoever has MAILINTAKE_VIEW. There is nothing to change."""

    page: ClassVar[str] = "status"
    label: ClassVar[str] = "Status"
    changing: ClassVar[str] = VIEW
    """A POST changes nothing here."""

    # Panel methods

    def show(self, req: Request, name: str) -> Page:
        """The figures of all services, and the picture of all or of the one that was chosen."""
        from trac_mailintake.components.panels.services import listing  # noqa: PLC0415 - when somebody looks
        from trac_mailintake.components.panels.status import chart  # noqa: PLC0415 - when somebody looks
        from trac_mailintake.tracker.db.durable import weaknesses  # noqa: PLC0415 - as above
        from trac_mailintake.tracker.db.durations import lasting  # noqa: PLC0415 - as above
        from trac_mailintake.tracker.db.transaction import now  # noqa: PLC0415 - as above
        from trac_mailintake.tracker.journal.daily_counts import daily  # noqa: PLC0415 - as above
        from trac_mailintake.tracker.journal.journal import Journal  # noqa: PLC0415 - as above
        from trac_mailintake.tracker.journal.statistics import BAD, figures  # noqa: PLC0415 - as above

        if name:
            raise unknown("page", name)
        rows = bridge.settings(self.env).services.rows()
        choices = sorted({*Journal(self.env).names(), *(str(row["name"]) for row in rows)})
        chosen = str(req.args.getfirst("service", ""))
        if chosen and chosen not in choices:
            raise unknown("service", chosen)
        days = daily(self.env, req.tz, chosen)
        return "mailintake_status.html", {
            "rows": figures(self.env, rows),
            "bad": BAD,
            "queue": listing.queue(self.env),
            "weaknesses": weaknesses(self.env),
            "fetches": MailIntakeSystem(self.env).fetch == "enabled",
            "choices": choices,
            "chosen": chosen,
            "days": [(chart.said(day), day) for day in reversed(days)],
            "chart": chart.chart(days),
            "size": (chart.WIDTH, chart.HEIGHT),
            "now": now(),
            "lasting": lasting,
        }

    def change(self, req: Request, name: str) -> Page:
        """Nothing can be."""
        raise HTTPNotFound("Nothing can be changed here.")
