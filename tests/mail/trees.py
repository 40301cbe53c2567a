"""Mails as hypothesis puts them together: trees of parts with every encoding, then with something broken in them."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from email.header import Header
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

TYPES = ("image/png", "application/pdf", "application/octet-stream", "text/x-log", "message/delivery-status")
LETTERS = st.characters(codec="utf-8", categories=("L", "N"), include_characters="-_.() ")
NAMES = st.text(LETTERS, min_size=1, max_size=30).map(lambda name: f"x{name.strip()}x.bin")
WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S"), include_characters=" \n"), max_size=200)


OUTERMOST = 9


@dataclass(frozen=True)
class Leaf:
    """An attachment: its name, its type, what was attached, and the part that holds it."""

    name: str
    content_type: str
    content: bytes
    part: bytes


@dataclass(frozen=True)
class Tree:
    """A mail, and its attachments in their order."""

    mail: bytes
    leaves: tuple[Leaf, ...]


def _uuencoded(content: bytes) -> bytes:
    lines = (binascii.b2a_uu(content[start : start + 45]) for start in range(0, len(content), 45))
    return b"begin 644 x\n" + b"".join(lines) + b"`\nend\n"


def _quoted(content: bytes) -> bytes:
    """Every byte as `=XX`, twenty in a line."""
    lines = (content[start : start + 20].hex("=").upper() for start in range(0, len(content), 20))
    return "=\n".join(f"={line}" for line in lines).encode()


ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "base64": base64.encodebytes,
    "BASE64": base64.b64encode,
    "quoted-printable": _quoted,
    "x-uuencode": _uuencoded,
}


def _named(name: str) -> list[str]:
    """The ways in which software writes a name."""
    quoted = "".join(f"%{byte:02X}" for byte in name.encode())
    cut = len(quoted) // 6 * 3
    return [
        f'Content-Disposition: attachment; filename="{name}"',
        f"Content-Disposition: attachment; filename*=utf-8''{quoted}",
        f"Content-Disposition: attachment; filename*0*=UTF-8'en'{quoted[:cut]};\n filename*1*={quoted[cut:]}",
        f'Content-Disposition: attachment; filename="{Header(name, "utf-8", maxlinelen=60).encode()}"',
        f"Content-Disposition: attachment; filename={Header(name, 'utf-8', maxlinelen=60).encode()}",
    ]


@st.composite
def leaves(draw: st.DrawFn) -> Leaf:
    """An attachment, of any bytes, encoded in any way."""
    name, content_type = draw(NAMES), draw(st.sampled_from(TYPES))
    content, encoding = draw(st.binary(min_size=1, max_size=200)), draw(st.sampled_from(sorted(ENCODINGS)))
    disposition = draw(st.sampled_from(_named(name)))
    head = f"Content-Type: {content_type}\nContent-Transfer-Encoding: {encoding}\n{disposition}\n\n"
    return Leaf(name, content_type, content, head.encode() + ENCODINGS[encoding](content))


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """A mail of multiparts within multiparts, with a text first; its line ends are LF or CR LF."""
    found = draw(st.lists(leaves(), max_size=6))
    parts = [b"Content-Type: text/plain; charset=utf-8\n\n" + draw(WORDS).encode(), *(leaf.part for leaf in found)]
    for level in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, len(parts) - 1))
        stop = draw(st.integers(start + 1, len(parts)))
        parts[start:stop] = [_multipart(parts[start:stop], level, closed=draw(st.booleans()))]
    mail = b"Subject: x\nFrom: ann@example.org\n" + _multipart(parts, OUTERMOST, closed=draw(st.booleans()))
    return Tree(mail.replace(b"\n", b"\r\n") if draw(st.booleans()) else mail, tuple(found))


def _multipart(parts: list[bytes], level: int, *, closed: bool) -> bytes:
    """The parts within one; the boundary of the outermost begins like all the others."""
    boundary = f"=_{level}" if level != OUTERMOST else "=_"
    delimiter = f"\n--{boundary}\n".encode()
    kind = ("mixed", "parallel", "x-unknown")[level % 3]
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\nPreamble'.encode()
    return head + delimiter + delimiter.join(parts) + (f"\n--{boundary}--\n".encode() if closed else b"")


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """Such a mail with a few pieces cut out, doubled, moved, or written over."""
    mail = draw(trees()).mail
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(mail)))
        piece = mail[start : start + draw(st.integers(0, 60))]
        other = draw(
            st.sampled_from([b"", piece + piece, b"\0", b"\n\n", b"--=\n", b'"', b";", b"\xff\xfe", b"=?utf-8?B?"])
        )
        mail = mail[:start] + other + mail[start + len(piece) :]
        target = draw(st.integers(0, len(mail)))
        mail = mail[:target] + (piece if draw(st.booleans()) else b"") + mail[target:]
    return mail
