"""What an IMAP session makes of a server's answers: logins, refusals, folders, literals of any size."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from imapclient.exceptions import IMAPClientError

from tests.sources.contract import server
from tests.sources.scripted import ScriptedServer, imap
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.sources.errors import Cut, Excess
from trac_mailintake.sources.imap import session
from trac_mailintake.sources.net.quota import HELD

if TYPE_CHECKING:
    from collections.abc import Callable


def opened(talking: ScriptedServer, user: str = "ann", *, selected: bool = False) -> session.Session:
    """A session after the login, or with a folder."""
    made = session.connect(server("imap", talking.port, user), lambda: "secret", None)
    if selected:
        made.select_folder("INBOX")
    return made


@pytest.mark.parametrize(
    ("offers", "user", "login"),
    [
        (b"IMAP4rev1", "ann", b"LOGIN ann "),
        (b"IMAP4rev1", 'a"n\\n', b'LOGIN "a\\"n\\\\n" '),
        (b"IMAP4rev1 AUTH=PLAIN", "jörg", b"AUTHENTICATE PLAIN"),
        (b"IMAP4rev1 LOGINDISABLED AUTH=PLAIN", "ann", b"AUTHENTICATE PLAIN"),
    ],
)
def test_a_user_logs_in_as_the_server_allows(offers: bytes, user: str, login: bytes) -> None:
    """RFC 3501, 6.2.3: LOGIN, unless it is disabled or cannot express the name (RFC 4616)."""
    heard = []

    def answer(line: bytes) -> bytes:
        heard.append(line)
        tag, _, rest = line.partition(b" ")
        if rest == b"AUTHENTICATE PLAIN":
            return b"+ \r\n"
        if not rest:
            assert base64.b64decode(line) == f"\0{user}\0secret".encode()
            return heard[-2].partition(b" ")[0] + b" OK done\r\n"
        return (b"* CAPABILITY " + offers + b"\r\n" if rest == b"CAPABILITY" else b"") + tag + b" OK done\r\n"

    with ScriptedServer(b"* OK ready\r\n", answer) as talking:
        opened(talking, user).leave()
    assert [line for line in heard if line.partition(b" ")[2].startswith(login)]


@pytest.mark.parametrize(
    ("offers", "user", "said"),
    [
        (b"IMAP4rev1 LOGINDISABLED", "ann", "takes no login on this line; set security to tls or starttls"),
        (b"IMAP4rev1", "jörg", "knows no AUTH=PLAIN, so username and password must be ASCII"),
    ],
)
def test_a_login_that_is_impossible_is_not_tried(offers: bytes, user: str, said: str) -> None:
    """No password is sent."""
    with imap(offers, {}) as talking:
        with pytest.raises(SourceError, match=said):
            opened(talking, user)
        assert not [line for line in talking.heard if b"secret" in line]


def refusing(word: bytes) -> Callable[[bytes], bytes]:
    """Refuses one command."""

    def answer(line: bytes) -> bytes:
        tag, _, rest = line.partition(b" ")
        if word in rest:
            return tag + b" NO over quota\r\n"
        return (b"* CAPABILITY IMAP4rev1\r\n" if rest == b"CAPABILITY" else b"") + tag + b" OK done\r\n"

    return answer


def test_a_refused_fetch_is_an_error() -> None:
    """Read at once, or later."""
    with ScriptedServer(b"* OK ready\r\n", refusing(b"FETCH")) as talking:
        made = opened(talking, selected=True)
        for uid in (True, False):
            with pytest.raises(IMAPClientError, match="FETCH: over quota"):
                made.raw_fetch("1", "(UID)", uid=uid)
        came, why = made.fetched(made.ask("FETCH", "1", "(UID)"))
        assert (came, str(why)) == ([], "FETCH: over quota")
        made.leave()


def test_the_first_refusal_is_told() -> None:
    """Of several commands whose answers are read together; then nothing is in doubt."""
    with ScriptedServer(b"* OK ready\r\n", refusing(b"STORE")) as talking:
        made = opened(talking, selected=True)
        assert (made.doubtful, made.hear()) == (False, "")
        made.tell("EXPUNGE", "1")
        made.tell("STORE", "1", "+FLAGS", "x")
        made.tell("STORE", "2", "+FLAGS", "x")
        doubts = [made.doubtful]
        assert made.hear() == "STORE: over quota"
        doubts.append(made.doubtful)
        assert doubts == [True, False]
        made.leave()


def test_a_line_that_breaks_leaves_a_doubt() -> None:
    """What was told may have been done, or not."""

    def answer(line: bytes) -> bytes | None:
        return None if b"STORE" in line else refusing(b"nothing")(line)

    with ScriptedServer(b"* OK ready\r\n", answer) as talking:
        made = opened(talking, selected=True)
        made.tell("STORE", "1", "+FLAGS", "x")
        with pytest.raises((OSError, Cut, IMAPClientError)):
            made.hear()
        assert made.doubtful
        made.drop()


def fetching(body: bytes, said: int | None = None) -> Callable[[bytes], bytes]:
    """Answers a FETCH with a body."""

    def answer(line: bytes) -> bytes:
        rest = line.partition(b" ")[2]
        literal = b"* 1 FETCH (UID 1 BODY[] {%d}\r\n%s)\r\n" % (len(body) if said is None else said, body)
        return (literal if b"FETCH" in rest else b"") + refusing(b"nothing")(line)

    return answer


def test_a_literal_that_is_too_large_to_hold_is_passed_over_where_it_may_be() -> None:
    """Its message is asked for by itself then, and streamed; the rest of the answer is read."""
    with ScriptedServer(b"* OK ready\r\n", fetching(b"x" * (HELD + 1))) as talking:
        made = opened(talking, selected=True)
        [passed], _ = made.fetched(made.ask("FETCH", "1", "(BODY.PEEK[])"), passing=10**8)
        assert (passed.uid, passed.body, passed.passed_over) == (1, None, True)
        [held], why = made.fetched(made.ask("FETCH", "1", "(BODY.PEEK[])"))
        assert why is None
        assert held.body == b"x" * (HELD + 1)
        made.leave()


def test_an_answer_without_end_is_given_up() -> None:
    """A server that announces gigabytes in answer to a small question."""
    with ScriptedServer(b"* OK ready\r\n", fetching(b"x", 10**10)) as talking:
        made = opened(talking, selected=True)
        with pytest.raises(Excess):
            made.raw_fetch("1", "(UID)")
        made.drop()


def test_folders_that_can_be_selected_are_named_inbox_first() -> None:
    """RFC 3501, 7.2.2; twenty of them are enough for an error."""
    listed = b'* LIST (\\Noselect) "/" "All"\r\n' + b"".join(b'* LIST () "/" "F%02d"\r\n' % n for n in range(25))
    with imap(b"IMAP4rev1", {b"LIST": listed + b'* LIST () "/" INBOX\r\n'}) as talking:
        made = opened(talking)
        found = session.names(made)
        assert (found[0], len(found), "All" in found) == ("INBOX", 26, False)
        assert session.choice(made).endswith("F18 and 6 more")
        made.leave()
        status = b'* STATUS "F00" (MESSAGES 3)\r\n'
    with imap(b"IMAP4rev1", {b"LIST": b'* LIST () "/" "F00"\r\n', b"STATUS": status}) as talking:
        assert session.folders(server("imap", talking.port, "ann"), lambda: "secret") == (("F00", 3),)
