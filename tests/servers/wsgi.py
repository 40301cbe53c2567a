"""The pages of an environment without a server: Trac answers in this process, in milliseconds.

It is Trac's own WSGI application (PEP 3333) that is called, with all of its dispatching, sessions and templates.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode

from trac.env import env_cache
from trac.web.main import dispatch_request

from tests.servers.tracenv import Page, Visitor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.servers.tracenv import TracEnv


class Reader(Visitor):
    """A visitor of an environment's pages, logged in as `user`, or as nobody."""

    def __init__(self, trac: TracEnv, user: str = "") -> None:
        super().__init__(80)
        self._trac = trac
        self._user = user

    def ask(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: str | None = None) -> Page:
        """One request and its answer."""
        env_cache[str(self._trac.path)] = self._trac.env
        content = (body or "").encode()
        asked = self._asked(method, path, headers or {}, len(content))
        answered: list[Any] = []
        written: list[bytes] = []

        def start(status: str, sent: list[tuple[str, str]], _: object = None) -> Any:  # noqa: ANN401 - PEP 3333
            answered[:] = [int(status.split(maxsplit=1)[0]), sent]
            return written.append

        rest: Iterable[bytes] = dispatch_request({**asked, "wsgi.input": io.BytesIO(content)}, start)
        text = b"".join((*written, *rest)).decode("utf-8", "replace")
        env_cache.pop(str(self._trac.path), None)
        status, sent = answered
        for name, value in sent:
            if name == "Set-Cookie":
                cookie, _, content_of = value.partition(";")[0].partition("=")
                self.cookies[cookie.strip()] = content_of.strip()
        return Page(status, text, dict(sent))

    def _asked(self, method: str, path: str, headers: Mapping[str, str], length: int) -> dict[str, object]:
        place, _, query = path.partition("?")
        environ: dict[str, object] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(place, "iso-8859-1"),
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(length),
            "CONTENT_TYPE": headers.get("Content-Type", ""),
            "SERVER_NAME": "trac.example.org",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_COOKIE": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "trac.env_path": str(self._trac.path),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        return {**environ, "REMOTE_USER": self._user} if self._user else environ


def query(path: str, **typed: str) -> str:
    """The address that a form leads to whose method is GET."""
    return f"{path}?{urlencode(typed)}"
