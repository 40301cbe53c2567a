"""Tickets that came by mail are as if somebody had typed them: the first comment in a browser changes nothing else."""

from __future__ import annotations

import base64
from contextlib import closing
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trac.attachment import Attachment
from trac.resource import Resource
from trac.ticket.model import Ticket
from trac.web.chrome import web_context
from trac.wiki.formatter import format_to_html

from tests.builders import comment, new_ticket
from tests.rig import Rig, mail
from tests.servers.forms import Form
from trac_mailintake.tracker.trac_calls import browser_text
from trac_mailintake.tracker.trac_calls.mail_request import mail_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import Tracd, TracEnv, Visitor
    from tests.tracker.conftest import Desk

RITA: Final = "rita@example.org"
"""A user, to whom Trac shows the description of the tickets that she reported as a field."""
USERS: Final = ("rita", "boss")
OTHERS: Final = {
    "moment": "time",
    "day": "time",
    "due": "time",
    "box": "checkbox",
    "ticked": "checkbox",
    "odd": "checkbox",
}
"""Custom fields that hold no text; some of them are preset."""

PIECES: Final = (
    *("\n", "\r\n", "\r", "\n\n", "\r\r\n", " ", "\t", "\v", "\f", "\0", "\x1b", "\x1c", "\x7f", "\x80", "\x85"),
    *("\u2028", "\u2029", "\u00a0", "\u200b", "\ufeff", "\ufffe", "\uffff", "\ufdd0", "\U0001fffe", "\ufffd"),
    *("\ud800", "\udc00", "a", "word ", "é", "e\u0301", "ſ", "İ", "\u202e", "😀", "<b>", "</textarea>", "<!--"),
    *("&amp;", "&#13;", "&#10;", "&#0;", "&", '"', "'", "{{{", "}}}", "#!html", "[[Image(x)]]", "> ", "-- ", " * "),
    *("||", "!", "\\\\", "%0A", "+"),
)  # fmt: skip  # a table reads better
TEXTS: Final = st.lists(st.sampled_from(PIECES) | st.characters(), max_size=30).map("".join)
HANDMADE: Final = (
    "One.\n\nTwo.\n",
    "\n\n\nBegins late.\n\n\n",
    "\r\nOne.\r\n\r\nTwo.\r\n",
    "One.\rTwo.\r\rThree.\r",
    " \n\t\nBlanks.\n \n",
    "Old\fpage,\vold line.\n",
    "\x85Next\u2028line\u2029and\x1cfile.\n",
    "</textarea><script>1</script>\n&#10;&#13;\n",
    "{{{\n#!python\n\nif 1:\n\tpass\n}}}\n",
    "\ufeffMarked. \ufffe\uffff\x00\x07\n",
    "\n",
    "",
)


class Desktop:
    """A Trac that is served, where mail is filed and people comment with a browser's forms."""

    def __init__(self, rig: Rig, tracd: Tracd) -> None:
        self.rig = rig
        self.trac = rig.trac
        self.visitors = {name: tracd.visitor(name) for name in USERS}

    def file(self, text: str, *, manner: str = "plain", markup: bool = False, subject: str = "Native") -> Ticket:
        """A mail of Rita's, encoded so that each character comes through, as a ticket."""
        self.rig.set(text=manner)
        self.rig.drop(written(text, markup=markup, subject=subject))
        self.rig.run()
        assert self.rig.outcomes[-1][0] == "created", self.rig.journal()[-1]
        return self.trac.tickets()[-1]

    def changes(self, ticket: int, user: str) -> list[str]:
        """The fields that Trac says have changed when somebody has only commented."""
        seen = self.moments(ticket)
        form(self.visitors[user], f"/ticket/{ticket}", comment="Thank you.", submit="Submit changes")
        [when] = self.moments(ticket) - seen
        rows = self.trac.query("SELECT field FROM ticket_change WHERE ticket=%s AND time=%s ORDER BY 1", ticket, when)
        return [str(field) for (field,) in rows]

    def moments(self, ticket: int) -> set[object]:
        """When it was changed."""
        return {time for (time,) in self.trac.query("SELECT time FROM ticket_change WHERE ticket=%s", ticket)}


def written(text: str, *, markup: bool = False, subject: str = "Native", more: str = "") -> bytes:
    """A mail of Rita's; half of a pair as those write it who do not know better (CESU-8)."""
    body = base64.encodebytes(text.encode("utf-8", "surrogatepass")).decode()
    kind = f"Content-Type: text/{'html' if markup else 'plain'}; charset=utf-8"
    return mail(subject, kind, "Content-Transfer-Encoding: base64", *filter(None, [more]), sender=RITA, body=body)


def form(visitor: Visitor, path: str, name: str = "propertyform", **fields: str) -> None:
    """Send a form of a page as it is, but for what is typed. Fails unless Trac is content."""
    answer = Form(visitor.get(path).text, name).send(visitor, path.partition("?")[0], **fields)
    assert answer.status == 303, answer.text


@pytest.fixture(scope="module")
def desktop(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: TracEnv) -> Iterator[Desktop]:
    """With a field of each kind that holds text, some with presets of the service or defaults of trac.ini."""
    folder = tmp_path_factory.mktemp("typed")
    with closing(_sqlite_template.copied(folder / "env")) as trac:
        trac.set(
            ("ticket", "default_component", "component1"),
            *(("ticket-custom", f"area_{form}", "textarea") for form in ("plain", "wiki")),
            *(("ticket-custom", f"line_{form}", "text") for form in ("plain", "wiki", "list", "reference")),
            *(
                ("ticket-custom", f"{field}_{form}.format", form)
                for field, form in (("area", "wiki"), *(("line", form) for form in ("wiki", "list", "reference")))
            ),
            ("ticket-custom", "area_wiki.value", "\nFrom trac.ini.\nTwice."),
            ("ticket-custom", "line_wiki.value", "From\ntrac.ini"),
            *(("ticket-custom", name, kind) for name, kind in OTHERS.items()),
            ("ticket-custom", "day.format", "date"),
        )
        trac.know("rita", RITA)
        trac.grant("rita", "TICKET_CREATE", "TICKET_APPEND")
        trac.grant("boss", "TICKET_ADMIN", "EMAIL_VIEW")
        rig = Rig(trac, folder, rate_sender="0", rate_service="0", bulk="accept")
        rig.set(area_plain="\r\nOne\nTwo\rThree\n\n", line_plain=" a\nb\r\nc ", line_list="x,  y\nz", keywords="k\nl")
        rig.set(due="2026-11-02", ticked="yes", odd="perhaps")
        with trac.serve(*USERS) as tracd:
            yield Desktop(rig, tracd)


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("text", HANDMADE)
def test_a_later_comment_changes_nothing_else(desktop: Desktop, text: str, user: str) -> None:
    """Of the reporter and of an administrator, to whom every field comes as a field."""
    ticket = desktop.file(text, manner="wiki")
    assert desktop.changes(ticket.id, user) == ["comment"]
    after = Ticket(desktop.trac.env, ticket.id)
    assert {name: after[name] for name in ticket.values if name != "changetime"} == {
        name: value for name, value in ticket.values.items() if name != "changetime"
    }


@pytest.mark.parametrize("subject", ["a\t b", "=?utf-8?q?a=0A=0D=0Ab=00=07=0C=C2=85=E2=80=A8c?=", " \t a"])
def test_a_later_comment_does_not_change_the_summary(desktop: Desktop, subject: str) -> None:
    """Which a browser holds in one line."""
    ticket = desktop.file("Text.\n", subject=subject)
    assert desktop.changes(ticket.id, "boss") == ["comment"]


def test_every_kind_of_text_has_been_given(desktop: Desktop) -> None:
    """Lest the tests above compare nothing with nothing; and it is what a person would have typed."""
    ticket = desktop.file("One.\n\nTwo.\n")
    assert {name: ticket[name] for name in ticket.values if "_" in name} == {
        "area_plain": "One\r\nTwo\r\nThree",
        "area_wiki": "From trac.ini.\r\nTwice.",
        "line_plain": "a b c",
        "line_wiki": "From trac.ini",
        "line_list": "x,  y z",
    }
    assert ticket["keywords"] == "k l"
    assert ticket["description"] == "One.\r\n\r\nTwo."
    assert [ticket[name] for name in ("moment", "day", "box", "ticked", "odd")] == [None, None, "0", "1", "0"]
    assert str(ticket["due"]).startswith("2026-11-02")
    assert desktop.changes(ticket.id, "boss") == ["comment"]


@pytest.mark.parametrize("manner", ["plain", "verbatim", "wiki", "markup"])
@given(text=TEXTS)
@settings(max_examples=8, deadline=None)
def test_any_text_comes_back_from_a_browser_as_it_was_filed(desktop: Desktop, manner: str, text: str) -> None:
    """As a description, and as a comment that somebody opens to edit and saves untouched."""
    desktop.rig.set(text="plain" if manner == "markup" else manner)
    first = written(text, markup=manner == "markup")
    number = next(line for line in first.decode().splitlines() if line.startswith("Message-ID:")).partition(" ")[2]
    desktop.rig.drop(first)
    desktop.rig.run()
    ticket = desktop.trac.tickets()[-1]
    desktop.rig.drop(written(text, markup=manner == "markup", more=f"In-Reply-To: {number}"))
    desktop.rig.run()
    assert [outcome for outcome, _ in desktop.rig.outcomes[-2:]] == ["created", "commented"]
    form(desktop.visitors["boss"], f"/ticket/{ticket.id}?cnum_edit=1", "trac-comment-editor", edit_comment="1")
    assert desktop.trac.query("SELECT field FROM ticket_change WHERE ticket=%s", ticket.id) == [("comment",)]
    assert desktop.changes(ticket.id, "boss") == ["comment"]


@pytest.mark.parametrize("text", ["One.\n\nTwo.", " Indented.\n", "{{{\n#!python\n\ta\n}}}\n\n* b"])
def test_a_ticket_that_somebody_types_is_the_same(desktop: Desktop, text: str) -> None:
    """The control: what a browser makes of the text when it is typed."""
    form(desktop.visitors["boss"], "/newticket", field_summary="Native", field_description=text, submit="Create ticket")
    native = desktop.trac.tickets()[-1]
    assert desktop.changes(native.id, "boss") == ["comment"]
    filed = desktop.file(text, manner="wiki")
    assert native["description"].rstrip() == filed["description"].rstrip()


def test_the_notification_of_the_comment_shows_the_comment_alone(desktop: Desktop, smtp_sink: SmtpSink) -> None:
    """Nobody gets an old and a new description that look the same; and no line has an end too many."""
    desktop.trac.notify_through(smtp_sink)
    desktop.trac.set(("notification", "smtp_always_cc", "staff@example.org"))
    ticket = desktop.file("One.\n\nTwo.\n\nThree.\n")
    form(desktop.visitors["boss"], f"/ticket/{ticket.id}", comment="Thank\nyou.", submit="Submit changes")
    desktop.trac.set(("notification", "smtp_enabled", "disabled"))
    created, changed = smtp_sink.wait_for(2)
    assert b"description" not in changed.content
    assert b"One.\r\n\r\n Two.\r\n\r\n Three.\r\n" in created.content
    assert b"Thank\r\n you.\r\n" in changed.content
    for each in (created, changed):
        assert b"\r" not in each.content.replace(b"\r\n", b"")


def test_limits_count_what_a_browser_sends(desktop: Desktop) -> None:
    """A text that only just fitted could never be sent back: what is too long so is cut, and attached whole."""
    limits = tuple(("ticket", f"max_{text}_size", "300") for text in ("description", "comment"))
    desktop.trac.set(*limits)
    text = "ab\n" * 99
    ticket = desktop.file(text, manner="wiki")
    desktop.rig.drop(written(text, subject=f"Re: #{ticket.id}"))
    desktop.rig.run()
    form(desktop.visitors["boss"], f"/ticket/{ticket.id}?cnum_edit=1", "trac-comment-editor", edit_comment="1")
    assert desktop.changes(ticket.id, "boss") == ["comment"]
    desktop.trac.set(*((section, name, "262144") for section, name, _ in limits))
    for said in (ticket["description"], desktop.trac.query("SELECT newvalue FROM ticket_change ORDER BY time")[-2][0]):
        assert len(str(said)) <= 300
        assert "The whole text is attached as full-text" in str(said)
    attached = list(Attachment.select(desktop.trac.env, "ticket", ticket.id))
    assert len(attached) == 2
    for each in attached:
        with each.open() as file:
            assert file.read().decode().rstrip("\n") == text.rstrip("\n")


@pytest.mark.parametrize("limit", [1, 40, 120])
@given(text=TEXTS)
@settings(max_examples=8, deadline=None)
def test_a_text_that_is_cut_anywhere_comes_back(desktop: Desktop, limit: int, text: str) -> None:
    """Not in the middle of the end of a line, nor at one where it begins."""
    config = desktop.trac.env.config
    config.set("ticket", "max_description_size", str(limit))
    try:
        ticket = desktop.file(text, manner="wiki")
    finally:
        config.remove("ticket", "max_description_size")
    assert len(ticket["description"]) <= limit
    assert browser_text.area(ticket["description"]) == ticket["description"]


@given(lines=st.lists(st.sampled_from([each for each in PIECES if each.isprintable()]), max_size=20))
def test_trac_shows_it_the_same(desktop: Desktop, lines: list[str]) -> None:
    """Blocks, lists, tables, quotes: with either end of a line."""
    env = desktop.trac.env
    context = web_context(mail_request(env, "boss", "/ticket/1", {}), Resource("ticket", 1))
    text = "\n".join(lines)
    for keeps in (True, False):
        shown = [format_to_html(env, context, each, escape_newlines=keeps) for each in (text, browser_text.ended(text))]
        assert shown[0] == shown[1]


# what is stored

FILED: Final = "\n\r\nOne\r\r\nTwo\n\nThree\rFour\x0b.\x00\x07\n"
STORED: Final = "One\r\n\r\nTwo\r\n\r\nThree\r\nFour .\r\n"


def test_texts_are_stored_as_a_browser_sends_them(desk: Desk) -> None:
    """Descriptions, comments and fields, also those that a plugin fills; on each database."""
    desk.trac.set(("ticket-custom", "area", "textarea"), ("ticket-custom", "line", "text"))
    filed = desk.file(new_ticket(text=FILED, summary=f"a{FILED}b", fields={"area": FILED, "line": FILED}))
    desk.file(comment(filed.ticket, text=FILED))
    ticket = Ticket(desk.trac.env, filed.ticket)
    assert (ticket["description"], ticket["area"], ticket["line"]) == (STORED, STORED, "One  Two  Three Four .")
    assert ticket["summary"] == "a One Two Three Four . b"
    assert desk.trac.query("SELECT newvalue FROM ticket_change") == [(STORED,)]


def test_mariadb_stores_them_so_too(mariadb_env: TracEnv, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Its columns are of another kind."""
    rig = Rig(mariadb_env, tmp_path_factory.mktemp("mariadb"), text="wiki")
    rig.drop(written(FILED.replace("\r\r\n", "\n\n")))
    rig.run()
    [ticket] = mariadb_env.tickets()
    assert ticket["description"] == STORED


def test_a_comment_of_blanks_says_that_it_is_empty(desk: Desk) -> None:
    """Trac would not save it; a handler of somebody else's may leave one."""
    number = desk.file(new_ticket()).ticket
    filed = desk.file(comment(number, text=" \n\n\u200b\t\n"))
    assert (filed.comment, filed.text) == (1, "(no text)")


@given(text=TEXTS)
def test_what_was_typed_once_stays_so(text: str) -> None:
    """Fields may be settled more than once, and a cut text is measured as it is stored."""
    for settle in (browser_text.area, browser_text.line):
        assert settle(settle(text)) == settle(text)
    assert not browser_text.area(text).startswith(("\r", "\n"))
    assert not {"\r", "\n"} & {*browser_text.area(text).replace("\r\n", "")}
