"""handle: a request outside the web, for code of Trac that needs one: workflow controllers and manipulators.

Expensive attributes (the chrome with its navigation, the session) are created only when they are used.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from trac.perm import PermissionCache
from trac.util.datefmt import utc
from trac.web.api import Request, _RequestArgs
from trac.web.chrome import Chrome
from trac.web.session import DetachedSession

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trac.env import Environment


@dataclass(frozen=True, slots=True)
class Upload:
    """The request's argument `attachment` for manipulators, as if a form had been sent."""

    filename: str
    file: BinaryIO


class _MailSession(DetachedSession):
    """The user's preferences, read only; changes by a manipulator are dropped."""

    def __init__(self, env: Environment, username: str) -> None:
        super().__init__(env, username if username != "anonymous" else None)
        self.sid = username
        self.authenticated = username != "anonymous"
        self.last_visit = 0

    def save(self) -> None:
        """Save nothing: a mail is not a visit."""


def mail_request(
    env: Environment,
    username: str,
    path: str,
    arguments: Mapping[str, object],
    permissions: PermissionCache | None = None,
) -> Request:
    """A POST to `path` (`/newticket`, `/ticket/12`) by `username` ("anonymous" for strangers), without a web server.

    `arguments` are what the form would send. The permissions are exactly those of `username`; pass them as
    `permissions` if they are already known.
    """
    base = env.abs_href()
    environ = {
        "trac.base_url": base,
        "wsgi.url_scheme": "https" if base.startswith("https:") else "http",
        "REQUEST_METHOD": "POST",
        # Links that are no whole addresses begin with it, as it is: trac.web.href.Href does not quote it.
        "SCRIPT_NAME": urlsplit(base).path.rstrip("/"),
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_USER": None if username == "anonymous" else username,
    }
    request = Request(environ, _start_response)
    kept = _RequestArgs(arguments)
    request.callbacks.update(_callbacks(env, username))
    request.args = kept
    request.arg_list = list(kept.items())
    request.authname = username
    request.perm = PermissionCache(env, username) if permissions is None else permissions
    return request


def _callbacks(env: Environment, username: str) -> dict[str, Callable[[Request], Any]]:
    """Functions that create attributes on first use, by name."""
    return {
        "session": lambda _: _MailSession(env, username),
        "chrome": lambda request: Chrome(env).prepare_request(request),
        "form_token": lambda _: hashlib.sha256(env.path.encode("utf-8", "surrogatepass")).hexdigest()[:24],
        "locale": lambda _: None,
        "lc_time": lambda _: "iso8601",
        "tz": lambda _: utc,
        "use_xsendfile": lambda _: False,
        "xsendfile_header": lambda _: None,
        "configurable_headers": lambda _: [],
    }


def _start_response(status: str, headers: object, exc_info: object = None) -> Callable[[bytes], None]:  # noqa: ARG001 - the signature of PEP 3333
    """The response to a mail's request is not read."""
    return lambda _: None
