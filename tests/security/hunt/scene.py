"""A Trac that takes in these mails, and shows them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import trac.ticket.query
import trac.ticket.report
import trac.ticket.roadmap
import trac.versioncontrol.web_ui
import trac.wiki.macros
from trac.perm import PermissionCache
from trac.test import MockRequest
from trac.ticket.model import Ticket
from trac.web.api import RequestDone
from trac.web.chrome import web_context
from trac.web.main import RequestDispatcher
from trac.wiki.formatter import format_to_html, format_to_oneliner
from trac.wiki.macros import WikiMacroBase

from tests.rig import Rig
from tests.security.hunt import mails
from tests.security.hunt.verdict import Page, faults, page_faults, shortened_faults
from trac_mailintake.bootstrap import settings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from random import Random

    from tests.security.hunt.mails import Made
    from tests.servers.tracenv import TracEnv

    Make = Callable[..., Made]
    """A mail with the id, and the further lines of a header, that this is called with."""

PROVIDERS = (trac.ticket.query, trac.ticket.report, trac.ticket.roadmap, trac.versioncontrol.web_ui, trac.wiki.macros)
"""Loaded, so that their wiki syntax is in force."""
MANNERS = {
    "plain": {},
    "word": {"text": "verbatim"},
    "regex": {"handler": "comment-regex", "splitregex": "/STOP|wrote:/"},
}
"""Services by the ways in which they file."""
PAGES = 0.2
"""How many of the rounds look at whole pages too: they take as long as a hundred mails."""
UNLIMITED = {"rate_sender": "0", "rate_ticket": "0", "rate_service": "0"}


class TripwireMacro(WikiMacroBase):
    """A macro, and a processor, that shows when it ran."""

    def expand_macro(self, formatter: Any, name: str, content: str | None, args: Any = None) -> str:  # noqa: ANN401 - Trac's signature
        """An element that nothing else makes."""
        return "<tripwire></tripwire>"


_BLOCK = "{{{\r\n#!default\r\n"


@dataclass(frozen=True)
class Finding:
    """What a mail did that its text did not mean."""

    mail: bytes
    what: str
    wiki: str


class Scene:
    """One environment with a service for each manner, and in each a ticket that is answered."""

    def __init__(self, trac: TracEnv, folder: Path) -> None:
        self.rigs = {}
        self.trac = trac
        trac.set(("components", "tests.security.hunt.*", "enabled"), ("logging", "log_level", "WARNING"))
        trac.grant("anonymous", "TICKET_CREATE", "TICKET_APPEND")
        for name, words in MANNERS.items():
            box = folder / name
            self.rigs[name] = _Box(trac, box, name, {**UNLIMITED, **words})

    def round(self, random: Random, count: int) -> Iterator[Finding]:
        """File so many mails in each service, half of them answers, and look at each."""
        config = self.trac.env.config
        keeps_lines = random.random() < 0.7
        config.set("ticket", "preserve_newlines", str(keeps_lines).lower())
        most = random.choice(("262144", "262144", "400", "200"))
        config.set("ticket", "max_comment_size", most)
        config.set("ticket", "max_description_size", most)
        config.set("attachment", "max_size", random.choice(("262144", "262144", "50")))
        makes = [partial(mails.mail, random)] * (count + 1)
        answers = [random.random() < 0.5 for _ in range(count)]
        yield from self.judged(makes, answers, keeps_lines=keeps_lines, pages=random.random() < PAGES)

    def judged(
        self, makes: Sequence[Make], answers: Sequence[bool], *, keeps_lines: bool = True, pages: bool = True
    ) -> Iterator[Finding]:
        """File these in each service: the first, and then those that may answer it. With `pages` look at those, too."""
        base = ""
        for name, box in self.rigs.items():
            base = base if box.only_comments else box.begin(makes[0])
            box.file(makes[1:], base, answers)
            filed = box.filed
            for made, ticket, comment in filed:
                yield from self._look(made, ticket, comment, keeps_lines=keeps_lines, verbatim=name == "word")
            numbers = sorted({ticket for _, ticket, _ in filed})  # none when all comments are empty
            if pages and numbers:
                yield from self._visit(f"/ticket/{numbers[0]}")
                yield from self._visit("/query", id=f"{numbers[0]}-{numbers[-1]}", row="description", col="summary")
        if pages:
            yield from self._visit("/timeline", ticket="on", ticket_details="on", daysback="10")

    def _visit(self, path: str, **arguments: str) -> Iterator[Finding]:
        """A whole page, as somebody sees it who may only look."""
        env = self.trac.env
        request = MockRequest(env, path_info=path, args=arguments, authname="guest", perm=PermissionCache(env, "guest"))
        with suppress(RequestDone):
            RequestDispatcher(env).dispatch(request)
        html = request.response_sent.getvalue().decode()
        if not html.rstrip().endswith("</html>"):
            yield Finding(b"", f"{path} {arguments} is broken", html[-200:])
        for fault in page_faults(html):
            yield Finding(b"", f"{path} {arguments}: {fault}", "")

    def _look(
        self, made: Made, number: int, comment: int | None, *, keeps_lines: bool, verbatim: bool
    ) -> Iterator[Finding]:
        env = self.trac.env
        ticket = Ticket(env, number)
        wiki = ticket["description"] if comment is None else str(ticket.get_change(comment)["fields"]["comment"]["new"])
        verbatim = verbatim or _BLOCK in wiki  # a text that would cost Trac too much (`burden`)
        rows = env.db_query("SELECT filename, description FROM attachment WHERE id=%s", (str(number),))
        page = Page(number, frozenset(name for name, _ in rows))
        guest = web_context(MockRequest(env, authname="guest", perm=PermissionCache(env, "guest")), ticket.resource)
        admin = web_context(MockRequest(env), ticket.resource)
        views = {
            "html": partial(format_to_html, env, admin, wiki, escape_newlines=keeps_lines),
            "html for guests": partial(format_to_html, env, guest, wiki, escape_newlines=keeps_lines),
            "oneliner": partial(format_to_oneliner, env, guest, wiki),
            "shortened": partial(format_to_oneliner, env, guest, wiki, shorten=True),
            **{f"attachment {name}": partial(format_to_oneliner, env, admin, said) for name, said in rows if said},
        }
        for view, render in views.items():
            try:
                html = str(render())
            except Exception as error:  # noqa: BLE001 - Trac's page would not come
                yield Finding(made.raw, f"{view}: {error!r}", wiki)
                continue
            judged = shortened_faults(html, made, page) if view == "shortened" else None
            for fault in judged or faults(html, made, page, verbatim=verbatim):
                yield Finding(made.raw, f"{view}: {fault}", wiki)


class _Box(Rig):
    """A service of a name, on a Maildir of its own."""

    def __init__(self, trac: TracEnv, folder: Path, name: str, words: dict[str, str]) -> None:
        self.trac = trac
        self.name = name
        self.maildir = folder
        for part in ("new", "cur", "tmp"):
            (folder / part).mkdir(parents=True)
        settings_of(trac.env).services.add(
            name, {"kind": "maildir", "path": str(folder), "afterwards": "delete"} | words
        )
        self.only_comments = words.get("handler", "").startswith("comment")
        self.number = 0
        self.made: dict[str, Made] = {}

    def begin(self, make: Make) -> str:
        """File the mail that others answer. Its id; `filed` knows it."""
        self.number += 1
        base = f"<{self.name}.{self.number}@people.example>"
        self.made = {base: make(base)}
        self._run(self.made[base].raw)
        return base

    def file(self, makes: Sequence[Make], base: str, answers: Sequence[bool]) -> None:
        """File mails, answers to the mail with the id `base` or not; all of them, where nothing else is taken."""
        if self.only_comments:
            self.number, self.made = self.number + 1, {}
        for place, (make, is_answer) in enumerate(zip(makes, answers, strict=True)):
            known = f"<{self.name}.{self.number}.{place}@people.example>"
            fields = (f"In-Reply-To: {base}",) if is_answer or self.only_comments else ()
            self.made[known] = make(known, *fields)
        self._run(*(made.raw for known, made in self.made.items() if known != base))

    @property
    def filed(self) -> list[tuple[Made, int, int | None]]:
        """The mails of this round, each with its ticket and the number of its comment."""
        rows = self.trac.query("SELECT message_id, ticket, comment, state FROM mailintake_delivery")
        filed = [
            (self.made[str(key)], ticket, comment)
            for key, ticket, comment, outcome in rows
            if key in self.made and (comment or outcome == "created")  # of an empty comment Trac keeps nothing
        ]
        return [(each, int(str(ticket)), int(str(comment)) if comment else None) for each, ticket, comment in filed]

    def _run(self, *messages: bytes) -> None:
        self.drop(*messages)
        with self.worker() as assembly:
            service = assembly.settings.services.get(self.name)
            report = assembly.spine.run(service, assembly.settings.open(service))
        if trouble := report.error or report.down or "; ".join(each.sentence for each in report.faults):
            msg = f"{self.name}: {trouble}"
            raise AssertionError(msg)
