"""What the panels have in common: who may see and who may change, times, and notices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

from trac.core import TracError
from trac.util.datefmt import from_utimestamp
from trac.web.api import HTTPBadRequest, HTTPNotFound
from trac.web.chrome import add_notice, add_stylesheet

from trac_mailintake.components.options import ADMIN, CATEGORY, VIEW
from trac_mailintake.intake.errors import Misconfiguration, TemporaryFailure
from trac_mailintake.intake.times import Seconds
from trac_mailintake.tracker.file_owner import denied

if TYPE_CHECKING:
    from datetime import datetime

    from trac.env import Environment
    from trac.web.api import Request

    from trac_mailintake.intake.times import Microseconds

PATIENCE: Final = Seconds(20)
"""How long a person waits for an action of a panel at most."""

Page = tuple[str, dict[str, Any]]


class PanelView:
    """What a panel shows and does. Whoever may see it has MAILINTAKE_VIEW; POST is for `changing`."""

    changing: ClassVar[str] = ADMIN
    """The permission that a POST needs."""

    def __init__(self, env: Environment, page: str) -> None:
        """`page` is the panel's name in URLs."""
        self.env = env
        self.page = page

    def render(self, req: Request, path: str) -> Page:
        """The page at `path` below the panel; a POST changes something first, and mostly redirects.

        Raises PermissionError, TracError, HTTP errors of Trac.
        """
        self.require(req, VIEW)
        add_stylesheet(req, "mailintake/mailintake.css")
        answer = self.show
        if req.method == "POST":
            # Trac checks the token only in forms. A POST of another type has no arguments, so a panel would see
            # a form with everything emptied and unticked, and any other site can make a visitor's browser send one.
            if req.args.get("__FORM_TOKEN") != req.form_token:
                raise HTTPBadRequest("Missing or invalid form token.")
            self.require(req, self.changing)
            answer = self.change
        try:
            template, found = answer(req, path)
        except (Misconfiguration, TemporaryFailure) as error:
            raise TracError(str(error), "Mail Intake") from error
        except PermissionError as error:
            raise TracError(denied(self.env.path, error.filename), "Mail Intake") from error
        return template, {"moment": moment, "may_change": self.may(req, ADMIN), **found}

    # for each panel

    def show(self, req: Request, name: str) -> Page:
        """Render the page `name` below the panel; "" is the panel itself."""
        raise NotImplementedError

    def change(self, req: Request, name: str) -> Page:
        """Perform the action of the form on that page; then redirect, or show what was wrong."""
        raise NotImplementedError

    # who may

    def may(self, req: Request, action: str) -> bool:
        """Whether the visitor has the permission here."""
        return action in req.perm("admin", f"{CATEGORY}/{self.page}")

    def require(self, req: Request, action: str) -> None:
        """Raise Trac's PermissionError if the visitor lacks the permission."""
        req.perm("admin", f"{CATEGORY}/{self.page}").require(action)

    def back(self, req: Request, *path: str, **arguments: object) -> NoReturn:
        """Redirect to a page of this panel. Never returns: raises RequestDone."""
        req.redirect(req.href.admin(CATEGORY, self.page, *path, **arguments))
        raise AssertionError  # Trac's redirect is untyped, so mypy does not know that it never returns

    def done(self, req: Request, sentence: str, *path: str) -> NoReturn:
        """Add a notice that something was done, and redirect. Never returns: raises RequestDone."""
        add_notice(req, sentence)
        self.back(req, *path)


def unknown(what: str, name: str) -> HTTPNotFound:
    """The error for something that does not exist (404)."""
    return HTTPNotFound(f"There is no {what} {name}.")


def moment(microseconds: Microseconds) -> datetime | None:
    """A time (0: never) as a datetime for Trac to format; None for 0."""
    return from_utimestamp(microseconds) if microseconds else None
