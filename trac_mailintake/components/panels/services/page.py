"""The admin panel *Mail Intake / Services*: the recurring jobs, and the mail queue."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from trac.web.chrome import add_ctxtnav, add_notice, add_warning

from trac_mailintake.components.options import ADMIN, MailIntakeSystem
from trac_mailintake.components.panels.actions import flush, run, waiting
from trac_mailintake.components.panels.base import PATIENCE, PanelView, unknown
from trac_mailintake.components.panels.form import Errors
from trac_mailintake.components.panels.services import listing
from trac_mailintake.components.panels.services.form import Choice, ServiceForm
from trac_mailintake.intake.errors import Misconfiguration
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.intake.times import Seconds
from trac_mailintake.runs import open_intake
from trac_mailintake.tracker.config.field_choices import filled_by_form, strangers_are_held
from trac_mailintake.tracker.db.durable import weaknesses

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trac.web.api import Request

    from trac_mailintake.bootstrap import Settings
    from trac_mailintake.components.panels.base import Page
    from trac_mailintake.intake.settings import Service

_NEW: Final = "action"


class ServicesView(PanelView):
    """Lists, adds, changes, removes, enables, disables and runs services. Viewers see the list."""

    # PanelView methods

    def show(self, req: Request, name: str) -> Page:
        """The list, or the form of one service, or of a new one (`?action=new&kind=…&handler=…`)."""
        if not name and req.args.get(_NEW) != "new":
            return self._list(req)
        self.require(req, ADMIN)
        settings = open_intake.settings(self.env)
        before = self._typed(settings, name) if name else {}
        return self._form(req, settings, name, {**before, **self._given(req, "server", "folder")})

    def change(self, req: Request, name: str) -> Page:
        """Add, save, enable, disable, remove or run."""
        if "cancel" in req.args:
            self.back(req)
        for word, action in self._actions().items():
            if word in req.args:
                action(req)
                self.back(req, *filter(None, [name]))
        return self._save(req, open_intake.settings(self.env), name)

    def _actions(self) -> Mapping[str, Callable[[Request], None]]:
        """The actions of the list's buttons, by name."""
        return {
            "enable": lambda req: self._each(req, self._enable),
            "disable": lambda req: self._each(req, self._disable),
            "remove": lambda req: self._each(req, self._remove),
            "run": self._run,
            "flush": self._flush,
        }

    # the list

    def _list(self, req: Request) -> Page:
        settings = open_intake.settings(self.env)
        page = {
            "rows": listing.rows(self.env, settings.services),
            "queue": listing.queue(self.env),
            "fetches": MailIntakeSystem(self.env).fetches,
            "kinds": [],
            "handlers": [],
        }
        if self.may(req, ADMIN):
            try:
                page |= _offers(settings)
            except Misconfiguration as error:
                add_warning(req, f"Nothing can be added or run until this is mended: {error}")
        return "mailintake_services.html", page

    def _each(self, req: Request, action: Callable[[Settings, str], str]) -> None:
        chosen = req.args.getlist("sel")
        if not chosen:
            add_warning(req, "Choose services first.")
        settings = open_intake.settings(self.env)
        for name in chosen:
            try:
                add_notice(req, action(settings, name))
            except SettingError as error:
                add_warning(req, f"Service {name}: nothing was changed. Allowed: {error.allowed}.")
            except Misconfiguration as error:
                add_warning(req, f"Service {name}: nothing was changed. {error}")

    @staticmethod
    def _enable(settings: Settings, name: str) -> str:
        settings.services.set(name, {"enabled": "true"})
        return f"Service {name} runs from now on."

    @staticmethod
    def _disable(settings: Settings, name: str) -> str:
        settings.services.set(name, {"enabled": "false"})
        return f"Service {name} runs no more."

    @staticmethod
    def _remove(settings: Settings, name: str) -> str:
        settings.services.remove(name)
        return f"Service {name} removed. Its journal stays."

    # running

    def _run(self, req: Request) -> None:
        done = run(self.env, str(req.args.getfirst("run")), Seconds(time.monotonic() + PATIENCE))
        (add_notice if done.well else add_warning)(req, done.sentence)

    def _flush(self, req: Request) -> None:
        done = flush(self.env)
        (add_notice if done.well else add_warning)(req, done.sentence)

    # one service

    def _typed(self, settings: Settings, name: str) -> dict[str, str]:
        if name not in settings.services.names():
            raise unknown("service", name)
        return settings.services.typed(name)

    @staticmethod
    def _given(req: Request, *names: str) -> dict[str, str]:
        return {name: str(req.args.getfirst(name)) for name in names if name in req.args}

    def _built(self, req: Request, settings: Settings, values: Mapping[str, str]) -> ServiceForm:
        """The form for the kind and handler in the request, or else those of the service."""
        kind = str(req.args.getfirst("kind") or values.get("kind", ""))
        handler = str(req.args.getfirst("handler") or values.get("handler", "create-or-comment"))
        if kind not in settings.rules.kinds:
            raise unknown("kind of source", kind)
        if handler not in settings.rules.handlers:
            raise unknown("handler", handler)
        return ServiceForm(self.env, settings, Choice(settings.rules.kinds[kind], handler))

    def _form(
        self, req: Request, settings: Settings, name: str, values: Mapping[str, str], errors: Errors | None = None
    ) -> Page:
        form = self._built(req, settings, values)
        errors = errors or Errors()
        groups = form.groups(values, errors)
        errors.tell_the_rest(req, {"name", *(field.name for _, fields in groups for field in fields)})
        add_ctxtnav(req, "Back to the services", req.href.admin("mailintake", self.page))
        rows = {str(row["name"]): row for row in settings.services.rows()}
        return "mailintake_service.html", {
            "name": name,
            "typed_name": values.get("name", ""),
            "stored": rows.get(name),
            "groups": groups,
            "errors": errors,
            "kind": form.choice.kind,
            "handler": settings.rules.handlers[form.choice.handler],
            **_offers(settings),
        }

    def _save(self, req: Request, settings: Settings, name: str) -> Page:
        before = self._typed(settings, name) if name else {}
        form = self._built(req, settings, before)
        typed = form.typed(req)
        wanted = name or str(req.args.getfirst("name", "")).strip()
        errors = form.check(typed)
        if not errors:
            try:
                given = form.given(typed, before)
                service = settings.services.set(name, given) if name else settings.services.add(wanted, given)
            except SettingError as error:
                errors.add(error)
            else:
                self._tell(req, settings, service, new=not name)
                self.back(req)
        add_warning(req, "Nothing was saved: see below.")
        return self._form(req, settings, name, {**typed, "name": wanted}, errors)

    def _tell(self, req: Request, settings: Settings, service: Service, *, new: bool) -> None:
        """Add notices for the administrator: how much mail is waiting, and what becomes of strangers' mail."""
        add_notice(req, f"Service {service.name} {'added' if new else 'saved'}.")
        if new and not service.pushed:
            done = waiting(settings, service)
            (add_notice if done.well else add_warning)(req, done.sentence)
        for sentence in weaknesses(self.env) if new else ():
            add_warning(req, sentence)
        for sentence in filled_by_form(self.env, service):
            add_notice(req, f"{sentence}.")
        if strangers_are_held(self.env, service):
            add_warning(
                req,
                "Mail from strangers will be held, since anonymous has no TICKET_CREATE. To file it, name a user whose"
                " rights count for strangers (actas), or grant TICKET_CREATE to anonymous.",
            )


def _offers(settings: Settings) -> dict[str, list[tuple[str, str]]]:
    """The kinds of source and the handlers on offer, with their labels. Raises Misconfiguration."""
    return {
        "kinds": [(kind.name, kind.label) for kind in settings.rules.kinds.values()],
        "handlers": [(handler.name, handler.label) for handler in settings.rules.handlers.values()],
    }
