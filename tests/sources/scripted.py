"""A server that says what a test wants: the strange, the old and the hostile ones that nobody can install."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers.talking import TalkingServer

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

Answer = bytes | None
"""What is answered to a line; None closes the connection."""


class ScriptedServer(TalkingServer):
    """Greets, then answers each line by calling `answer` with it."""

    def __init__(self, greeting: bytes, answer: Callable[[bytes], Answer]) -> None:
        def said(line: bytes) -> tuple[bytes] | None:
            piece = answer(line)
            return None if piece is None else (piece,)

        super().__init__((greeting,), said)


def pop3(
    mails: dict[str, bytes],
    *,
    without: tuple[bytes, ...] = (),
    login: bytes = b"+OK",
    keeps: Container[str] = (),
    withheld: Mapping[str, Answer] | None = None,
    tops: Mapping[str, Answer] | None = None,
) -> ScriptedServer:
    """A POP3 server with some mails by UIDL; the part of a UIDL behind `#` is not told. QUIT deletes.

    Those that it `keeps` may not be deleted. `withheld` are answers to RETR by the name of a mail, `tops` to TOP.
    """
    doomed: set[int] = set()

    def answer(line: bytes) -> Answer:
        word, _, number = line.partition(b" ")
        numbered = [(n, *each) for n, each in enumerate(list(mails.items()), 1) if n not in doomed]
        listings = {
            b"CAPA": b"UIDL\r\n",
            b"LIST": b"".join(b"%d %d\r\n" % (n, len(content)) for n, _, content in numbered),
            b"UIDL": b"".join(b"%d %s\r\n" % (n, name.partition("#")[0].encode()) for n, name, _ in numbered),
        }
        if word in without or (word == b"DELE" and list(mails)[int(number) - 1] in keeps):
            return b"-ERR what?\r\n"
        if word in listings:
            return b"+OK\r\n" + listings[word] + b".\r\n"
        if word in (b"RETR", b"TOP"):
            name, content = next((name, content) for n, name, content in numbered if n == int(number.split()[0]))
            usual, others = (content, withheld) if word == b"RETR" else (_head(content), tops)
            return (others or {}).get(name, b"+OK\r\n" + usual + b".\r\n")
        if word == b"DELE":
            doomed.add(int(number))
        if word == b"QUIT":
            for name in [name for n, name in enumerate(list(mails), 1) if n in doomed]:
                del mails[name]
            doomed.clear()
        return {b"PASS": login, b"STAT": b"+OK %d 1" % len(numbered)}.get(word, b"+OK") + b"\r\n"

    return ScriptedServer(b"+OK ready\r\n", answer)


def _head(content: bytes) -> bytes:
    return content.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


def imap(capabilities: bytes, answers: dict[bytes, bytes]) -> ScriptedServer:
    """An IMAP server: `answers` are untagged lines by command (`FETCH` for `UID FETCH`); all commands succeed."""

    def answer(line: bytes) -> Answer:
        tag, _, rest = line.partition(b" ")
        words = rest.upper().removeprefix(b"UID ").split()
        untagged = answers.get(words[0], b"") if words else b""
        if words[:1] == [b"CAPABILITY"]:
            untagged = b"* CAPABILITY " + capabilities + b"\r\n"
        return untagged + tag + b" OK done\r\n"

    return ScriptedServer(b"* OK ready\r\n", answer)
