"""The admin panel *Mail Intake / Status*: the state of each service, and the messages a day by outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from trac.web.api import HTTPNotFound

from trac_mailintake.components.options import VIEW, MailIntakeSystem
from trac_mailintake.components.panels.base import PanelView, unknown
from trac_mailintake.components.panels.services import listing
from trac_mailintake.components.panels.status import chart
from trac_mailintake.runs import open_intake
from trac_mailintake.tracker.db.durable import weaknesses
from trac_mailintake.tracker.db.durations import lasting
from trac_mailintake.tracker.db.transaction import now
from trac_mailintake.tracker.deliveries.inventory import seen
from trac_mailintake.tracker.deliveries.ownership import complaints
from trac_mailintake.tracker.journal.daily_counts import daily
from trac_mailintake.tracker.journal.journal import Journal
from trac_mailintake.tracker.journal.statistics import BAD, figures
from trac_mailintake.tracker.people.reply_address import cannot_sign

if TYPE_CHECKING:
    from trac.web.api import Request

    from trac_mailintake.components.panels.base import Page


class StatusView(PanelView):
    """Shows figures and a chart (MAILINTAKE_VIEW). It changes nothing."""

    changing: ClassVar[str] = VIEW
    """A POST changes nothing here."""

    # PanelView methods

    def show(self, req: Request, name: str) -> Page:
        """The figures of all services, and the chart of all or of the chosen one."""
        if name:
            raise unknown("page", name)
        rows = open_intake.settings(self.env).services.rows()
        choices = sorted({*Journal(self.env).names(), *(str(row["name"]) for row in rows)})
        chosen = str(req.args.getfirst("service", ""))
        if chosen and chosen not in choices:
            raise unknown("service", chosen)
        days = daily(self.env, req.tz, chosen)
        return "mailintake_status.html", {
            "rows": figures(self.env, rows),
            "bad": BAD,
            "queue": listing.queue(self.env),
            "weaknesses": tuple(filter(None, (*complaints(self.env), *weaknesses(self.env), cannot_sign(self.env)))),
            "fetches": MailIntakeSystem(self.env).fetches,
            "archive": seen(self.env),
            "choices": choices,
            "chosen": chosen,
            "days": [(chart.said(day), day) for day in reversed(days)],
            "chart": chart.chart(days),
            "size": (chart.WIDTH, chart.HEIGHT),
            "now": now(),
            "lasting": lasting,
        }

    def change(self, req: Request, name: str) -> Page:
        """Raise HTTPNotFound: nothing can be changed here."""
        raise HTTPNotFound("Nothing can be changed here.")
