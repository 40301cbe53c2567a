"""Which leaves are the text, and which are attachments (RFC 2046, 5.1; RFC 2387; RFC 2183)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.mail.spooled import spooled
from trac_mailintake.mail.limits import LIMITS
from trac_mailintake.mail.mime import body_parts
from trac_mailintake.mail.mime.scanner import scan

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Node:
    """A part to be written: its Content-Type, further fields, and its parts or its text."""

    content_type: str
    parts: tuple[Node, ...] = ()
    text: str = "words"
    fields: str = ""

    def written(self, depth: int = 0) -> str:
        """The part with its header."""
        boundary = f'; boundary="b{depth}"' if self.content_type.startswith("multipart/") else ""
        head = f"Content-Type: {self.content_type}{boundary}\n{self.fields}\n"
        if not boundary:
            return head + self.text
        inside = "".join(f"\n--b{depth}\n{part.written(depth + 1)}" for part in self.parts)
        return f"{head}{inside}\n--b{depth}--\n"


PLAIN, HTML, IMAGE = Node("text/plain"), Node("text/html"), Node("image/png")
EMPTY = Node("text/plain", text="")


def arranged(folder: Path, node: Node) -> tuple[list[str], list[str]]:
    """The types of the texts, and those of the attachments."""
    raw = spooled(folder, node.written().encode())
    entities = scan(raw, LIMITS).entities
    found = body_parts.arrange(entities, lambda entity: bool(raw.part(entity.body, entity.end).read().strip()))
    return [each.content_type for each in found.texts], [each.content_type for each in found.files]


def mixed(*parts: Node, kind: str = "mixed") -> Node:
    """A multipart."""
    return Node(f"multipart/{kind}", parts)


@pytest.mark.parametrize(
    ("node", "texts", "files"),
    [
        (PLAIN, ["text/plain"], []),
        (IMAGE, [], ["image/png"]),
        (mixed(PLAIN, IMAGE, HTML), ["text/plain", "text/html"], ["image/png"]),
        (mixed(PLAIN, HTML, kind="alternative"), ["text/plain"], []),
        (mixed(EMPTY, HTML, kind="alternative"), ["text/html"], []),
        (mixed(EMPTY, kind="alternative"), ["text/plain"], []),
        (mixed(IMAGE, kind="alternative"), [], ["image/png"]),
        (mixed(PLAIN, Node("text/calendar"), kind="alternative"), ["text/plain"], ["text/calendar"]),
        (mixed(PLAIN, Node("text/x-amp-html"), HTML, kind="alternative"), ["text/plain"], []),
        (mixed(Node("text/watch-html"), kind="alternative"), ["text/watch-html"], []),
        (mixed(PLAIN, PLAIN, HTML, kind="alternative"), ["text/plain"], ["text/plain"]),
        (mixed(HTML, IMAGE, HTML, kind="related"), ["text/html"], ["image/png", "text/html"]),
        (mixed(IMAGE, HTML, kind="related"), ["text/html"], ["image/png"]),
        (mixed(PLAIN, mixed(HTML, IMAGE, kind="related"), kind="alternative"), ["text/plain"], ["image/png"]),
        (mixed(mixed(PLAIN, HTML, kind="alternative"), IMAGE), ["text/plain"], ["image/png"]),
        (mixed(kind="mixed"), ["multipart/mixed"], []),
    ],
)
def test_texts_and_attachments(tmp_path: Path, node: Node, texts: list[str], files: list[str]) -> None:
    """Of alternatives the plain text, if it says something; of related parts the first text is the root."""
    assert arranged(tmp_path, node) == (texts, files)


@pytest.mark.parametrize(
    ("node", "first", "second"),
    [
        (Node("text/x-log"), True, False),
        (Node("text/csv"), False, False),
        (Node("text/plain", fields="Content-Disposition: attachment\n"), False, False),
        (Node("text/plain", fields="Content-Disposition: inline\n"), True, True),
        (Node("text/plain", fields="Content-Disposition: inline; filename=a.txt\n"), True, False),
        (Node("text/plain; name=a.txt"), True, False),
    ],
)
def test_the_first_leaf_is_text_more_readily(tmp_path: Path, node: Node, first: bool, second: bool) -> None:  # noqa: FBT001 - a row of the table
    """A text with a name behind it is a file that somebody attached; a text for programs always is one."""
    assert (arranged(tmp_path, node)[1] == []) is first
    assert (len(arranged(tmp_path, mixed(PLAIN, node))[0]) == len((PLAIN, node))) is second


@pytest.mark.parametrize(
    ("disposition", "type_name", "expected"),
    [
        ("Attachment; filename=a.txt", "", ("attachment", "a.txt")),
        ("inline; name=a.txt", "", ("inline", "a.txt")),
        ("attachment", "b.txt", ("attachment", "b.txt")),
        ("attachment; filename=gr??e.txt", "größe.txt", ("attachment", "größe.txt")),
        ("attachment; filename=gr?e.txt", "größe.txt", ("attachment", "gr?e.txt")),
        ("attachment; filename=gr??x.txt", "größe.txt", ("attachment", "gr??x.txt")),
    ],
)
def test_the_name_of_a_part(tmp_path: Path, disposition: str, type_name: str, expected: tuple[str, str]) -> None:
    """RFC 2183, 2.3; the name of the type where software wrote `?` for letters that it could not write."""
    name = f"; name={type_name}" if type_name else ""
    node = Node(f"text/plain{name}", fields=f"Content-Disposition: {disposition}\n")
    [entity] = scan(spooled(tmp_path, node.written().encode()), LIMITS).entities
    assert body_parts.disposition_of(entity) == expected
