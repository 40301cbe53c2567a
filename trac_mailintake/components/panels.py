"""The admin panel *Mail Intake / Journal*: what became of each mail, and every step of why. It changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pkg_resources import resource_filename
from trac.admin.api import IAdminPanelProvider
from trac.core import Component, implements
from trac.util.datefmt import from_utimestamp
from trac.util.presentation import Paginator
from trac.web.api import HTTPNotFound
from trac.web.chrome import ITemplateProvider, add_ctxtnav, add_link

from trac_mailintake.components.system import VIEW

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from trac.web.api import Request

    from trac_mailintake.tracker.journal import Filter

CATEGORY: Final = "mailintake"
JOURNAL: Final = "journal"
PER_PAGE: Final = 50
_FILTERS: Final = ("service", "outcome", "sender", "text")

Panel = tuple[str, str, str, str]
Page = tuple[str, dict[str, Any]]


class JournalPanel(Component):
    """Shows the journal to whoever has MAILINTAKE_VIEW."""

    implements(IAdminPanelProvider, ITemplateProvider)

    # IAdminPanelProvider methods

    def get_admin_panels(self, req: Request) -> Iterator[Panel]:
        """The panel, for those who may see it."""
        if VIEW in req.perm("admin", f"{CATEGORY}/{JOURNAL}"):
            yield (CATEGORY, "Mail Intake", JOURNAL, "Journal")

    def render_admin_panel(self, req: Request, category: str, page: str, path_info: str | None) -> Page:
        """The journal, or the page of one mail."""
        req.perm("admin", f"{CATEGORY}/{JOURNAL}").require(VIEW)
        return self._mail(req, path_info) if path_info else self._list(req)

    # ITemplateProvider methods

    def get_templates_dirs(self) -> list[str]:
        """Our templates; `resource_filename` finds them in an egg, too."""
        return [resource_filename("trac_mailintake.templates", "")]

    def get_htdocs_dirs(self) -> list[tuple[str, str]]:
        """None."""
        return []

    # inside

    def _list(self, req: Request) -> Page:
        from trac_mailintake.intake.settings import SettingError  # noqa: PLC0415 - when somebody looks
        from trac_mailintake.tracker.journal import OUTCOMES, Journal  # noqa: PLC0415 - as above

        journal = Journal(self.env)
        number = max(req.args.getint("page", 1), 1)
        try:
            wanted = _filter(req)
            total = journal.count(wanted)
        except SettingError as error:
            raise HTTPNotFound(str(error)) from None
        entries = journal.entries(wanted, limit=PER_PAGE, offset=(number - 1) * PER_PAGE)
        filters = {name: req.args.get(name, "") for name in _FILTERS}
        return "mailintake_journal.html", {
            "entries": entries,
            "total": total,
            "paginator": _paginator(req, entries, number, total, filters),
            "filters": filters,
            "services": sorted(journal.counts()),
            "outcomes": OUTCOMES,
            "time": _time,
        }

    def _mail(self, req: Request, path_info: str) -> Page:
        from trac_mailintake.intake.settings import SettingError  # noqa: PLC0415 - when somebody looks
        from trac_mailintake.tracker.journal import Journal  # noqa: PLC0415 - as above

        if not path_info.isascii() or not path_info.isdigit():
            raise HTTPNotFound(f"There is no mail {path_info} in the journal.")
        try:
            entry = Journal(self.env).get(int(path_info))
        except SettingError:
            raise HTTPNotFound(f"There is no mail {path_info} in the journal.") from None
        add_ctxtnav(req, "Back to the journal", req.href.admin(CATEGORY, JOURNAL))
        return "mailintake_mail.html", {"entry": entry, "time": _time}


def _filter(req: Request) -> Filter:
    from trac_mailintake.tracker.journal import Filter  # noqa: PLC0415 - when somebody looks

    return Filter(**{name: req.args.get(name, "").strip() for name in _FILTERS})


def _time(microseconds: int) -> datetime | None:
    return from_utimestamp(microseconds) if microseconds else None


def _paginator(req: Request, entries: Any, number: int, total: int, filters: dict[str, str]) -> Paginator:  # noqa: ANN401 - any sequence
    """Trac's own paging, with links to the pages around."""

    def href(page: int) -> str:
        given = {name: value for name, value in filters.items() if value}
        return str(req.href.admin(CATEGORY, JOURNAL, page=page, **given))

    paginator = Paginator(list(entries), page=number - 1, max_per_page=PER_PAGE, num_items=total)
    if paginator.has_next_page:
        add_link(req, "next", href(number + 1), "Older mail")
    if paginator.has_previous_page:
        add_link(req, "prev", href(number - 1), "Newer mail")
    fields = ("href", "class", "string", "title")
    pages = [(href(page), None, str(page), f"Page {page}") for page in paginator.get_shown_pages(21)]
    paginator.shown_pages = [dict(zip(fields, page, strict=True)) for page in pages]
    paginator.current_page = {"href": None, "class": "current", "string": str(number), "title": None}
    return paginator
