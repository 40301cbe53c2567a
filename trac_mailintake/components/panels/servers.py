"""The admin panel *Mail Intake / Mail Servers*: the servers to fetch mail from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from trac.web.chrome import add_ctxtnav, add_notice, add_warning

from trac_mailintake.components.options import ADMIN
from trac_mailintake.components.panels import form
from trac_mailintake.components.panels.base import PanelView, unknown
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.intake.times import Seconds
from trac_mailintake.runs.time_limit import within
from trac_mailintake.sources.connection_check import probe
from trac_mailintake.tracker.config.secrets import where
from trac_mailintake.tracker.config.servers import PARAMETERS, PORTS, Servers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trac.web.api import Request

    from trac_mailintake.components.panels.base import Page
    from trac_mailintake.components.panels.form import Errors, Field
    from trac_mailintake.intake.settings import Server

OPERATION: Final = Seconds(8)
"""The time that one network operation of a test may take."""
PATIENCE: Final = Seconds(12)
"""The time that a connection test may take in all."""

_LABELS: Final = {
    "protocol": "Protocol",
    "host": "Host",
    "port": "Port",
    "security": "Security",
    "username": "Username",
    "password": "Password",
    "ca_file": "CA file",
    "timeout": "Time-out",
    "description": "Description",
}
_DESTINATION: Final = ("protocol", "host", "port", "security", "ca_file")
"""Settings that decide where a password is sent, and who could read it on the way."""


class ServersView(PanelView):
    """Lists, adds, changes, removes and tests mail servers. Viewers see the list; nobody sees a password."""

    # PanelView methods

    def show(self, req: Request, name: str) -> Page:
        """The list, or the form of one server, or of a new one (`?action=new`)."""
        if not name and req.args.get("action") != "new":
            return self._list()
        self.require(req, ADMIN)
        return self._form(req, self._get(name) if name else None)

    def change(self, req: Request, name: str) -> Page:
        """Add, save, test or remove."""
        if "cancel" in req.args:
            self.back(req)
        if "test" in req.args:
            return self._test(req, self._get(name or str(req.args.getfirst("test"))))
        if "remove" in req.args:
            self._remove(req)
        return self._save(req, self._get(name) if name else None)

    # inside

    def _get(self, name: str) -> Server:
        server = next((server for server in Servers(self.env).all() if server.name == name), None)
        if server is None:
            raise unknown("mail server", name)
        return server

    def _list(self) -> Page:
        servers = Servers(self.env)
        rows = [(server, servers.users(server.name)) for server in servers.all()]
        return "mailintake_servers.html", {"rows": rows}

    def _form(
        self, req: Request, server: Server | None, typed: Mapping[str, str] | None = None, errors: Errors | None = None
    ) -> Page:
        add_ctxtnav(req, "Back to the mail servers", req.href.admin("mailintake", self.page))
        stored = where(server.secret) if server else ""
        return "mailintake_server.html", {
            "server": server,
            "used_by": Servers(self.env).users(server.name) if server else [],
            "fields": _fields(server, typed or {}, errors or {}, stored),
        }

    def _save(self, req: Request, server: Server | None) -> Page:
        typed = form.typed(req, PARAMETERS)
        name = server.name if server else str(req.args.getfirst("name", "")).strip()
        errors = _checked(server, typed) or self._stored(server, name, typed)
        if not errors:
            done = "saved" if server else "added. Test the connection now"
            self.done(req, f"Mail server {name} {done}.", name)
        add_warning(req, "Nothing was saved: see below.")
        return self._form(req, server, {**typed, "name": name}, errors)

    def _stored(self, server: Server | None, name: str, typed: Mapping[str, str]) -> Errors:
        """Change the mail server, or add one. Returns why that is not possible. A blank password stays as it is."""
        errors = form.Errors()
        given = {each: text for each, text in typed.items() if text or each != "password"}
        try:
            Servers(self.env).set(name, given) if server else Servers(self.env).add(name, given)
        except SettingError as error:
            errors.add(error)
        return errors

    def _remove(self, req: Request) -> None:
        chosen = req.args.getlist("sel")
        if not chosen:
            add_warning(req, "Choose the mail servers to remove first.")
        for name in chosen:
            try:
                Servers(self.env).remove(name)
            except SettingError as error:
                add_warning(req, f"Mail server {name} was not removed. Allowed: {error.allowed}.")
            else:
                add_notice(req, f"Mail server {name} removed.")
        self.back(req)

    def _test(self, req: Request, server: Server) -> Page:
        """Log in and list the folders. Changes nothing, so the page is shown at once."""
        template, page = self._form(req, server)
        brief = replace(server, timeout=min(server.timeout, OPERATION))
        try:
            password = Servers(self.env).password(server)
            page["folders"] = within(PATIENCE, lambda: probe(brief, lambda: password))
        except SourceError as error:
            page["trouble"] = str(error)
        return template, page


def _checked(server: Server | None, typed: Mapping[str, str]) -> Errors:
    """The errors of each field by itself; also that of a stored password that would be sent to another server."""
    errors = form.check_each(PARAMETERS, typed)
    if server and server.secret and not typed["password"] and _goes_elsewhere(server, typed):
        errors["password"] = "Type it again, since it would go another way than before."  # noqa: S105 - a sentence
    return errors


def _goes_elsewhere(server: Server, typed: Mapping[str, str]) -> bool:
    usual = PORTS.get((typed["protocol"], typed["security"]), "")
    wanted = {**typed, "port": typed["port"] or str(usual)}
    return any(wanted[name] != str(getattr(server, name)) for name in _DESTINATION)


def _fields(server: Server | None, typed: Mapping[str, str], errors: Mapping[str, str], stored: str) -> list[Field]:
    """All fields of the form; the password field is always empty."""
    values = {parameter.name: str(getattr(server, parameter.name, "")) for parameter in PARAMETERS} if server else {}
    made = form.fields(PARAMETERS, {**values, **typed}, errors, labels=_LABELS)
    made = [_password(field, stored) if field.name == "password" else field for field in made]
    if server is None:
        name = typed.get("name", "")
        made.insert(
            0, form.Field("name", "Name", value=name, help="How services call it.", error=errors.get("name", ""))
        )
    return made


def _password(field: Field, stored: str) -> Field:
    present = f" Leave it empty to keep the present one ({stored})." if stored else ""
    return replace(field, control="password", value="", help=field.help + present)
