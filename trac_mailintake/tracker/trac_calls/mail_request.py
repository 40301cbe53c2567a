"""handle: a request outside the web, for whatever of Trac wants one: workflow controllers and manipulators.

Everything that is dear (the chrome with its navigation, the session) is made only when somebody asks for it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

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
    """What a manipulator finds in the request's argument `attachment`, as if a form had been sent."""

    filename: str
    file: BinaryIO


class _MailSession(DetachedSession):
    """The user's preferences, to read; what a manipulator writes into them is let go of."""

    def __init__(self, env: Environment, username: str) -> None:
        super().__init__(env, username if username != "anonymous" else None)
        self.sid = username
        self.authenticated = username != "anonymous"
        self.last_visit = 0

    def save(self) -> None:
        """Keep nothing: a mail is no visit."""


def mail_request(
    env: Environment,
    username: str,
    path: str,
    arguments: Mapping[str, object],
    permissions: PermissionCache | None = None,
) -> Request:
    """A POST to `path` (`/newticket`, `/ticket/12`) by `username` ("anonymous" for strangers), without a web server.

    `arguments` are what the form would have sent. The permissions are those of `username`, with nothing added;
    `permissions` if these were asked for already.
    """
    base = env.abs_href()
    environ = {
        "trac.base_url": base,
        "wsgi.url_scheme": "https" if base.startswith("https:") else "http",
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
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
    """What is made when it is asked for, by the name of the attribute."""
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
    """Nobody reads an answer to a mail's request."""
    return lambda _: None
