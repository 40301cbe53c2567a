"""parse: decodes transfer encodings (RFC 2045, 6) block by block, so that memory does not grow with an attachment.

Invalid bytes are skipped: a broken attachment is better than none.
"""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trac_mailintake.mail.message import Part

_NOT_BASE64: Final = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
_IDENTITY: Final = {"7bit", "8bit", "binary"}
_QP_LINE: Final = 4096
"""A quoted-printable line longer than this is cut, but never within `=XX`."""
_BEGIN: Final = re.compile(rb"begin(?:-base64)? [0-7]{3,4} ")
_UU_LINE: Final = 4096


def decoded(part: Part) -> Iterator[bytes]:
    """The bytes of `part` as they were sent, some 200 KB at a time. Raises OSError when the spool cannot be read."""
    return undo(part.encoding, part.body.chunks())


def about(part: Part) -> int:
    """The approximate decoded size of `part` in bytes, without decoding it.

    Base64 has four characters for three bytes, and a line end each 76 (RFC 2045, 6.8). For a `stretch` it is exact.
    """
    name, found, places = part.encoding.partition("[")
    if found:
        start, end = map(int, places.rstrip("]").split(":"))
        return end - start
    return part.body.length * 3 * 76 // (4 * 78) if name == "base64" else part.body.length


def undo(encoding: str, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Decode `blocks`; an unknown encoding is treated as none (RFC 2045, 6.4).

    For an encoding that `stretch` made, yields only the bytes of that stretch.
    """
    name, found, places = encoding.partition("[")
    decode: Callable[[Iterable[bytes]], Iterator[bytes]] = _DECODERS.get(name, iter)
    return _cut(decode(blocks), *map(int, places.rstrip("]").split(":"))) if found else decode(blocks)


def stretch(encoding: str, start: int, end: int) -> str:
    """A name for `encoding` with only the decoded bytes from `start` to `end`: the encoding of parts in a wrapping."""
    return f"{encoding}[{start}:{end}]"


def places(part: Part) -> list[tuple[int, int]]:
    """Positions in the body of `part` at which decoding may begin, each with the number of decoded bytes before it.

    Without them, the end of a wrapping could be read only by decoding everything before it. The first is (0, 0); it is
    the only one if the encoding's bytes depend on what is before them. Raises OSError.
    """
    found = [(0, 0)]
    raw = digits = 0
    for chunk in part.body.chunks() if part.encoding in {"base64", *_IDENTITY} else ():
        raw += len(chunk)
        if part.encoding != "base64":
            found.append((raw, raw))
            continue
        in_chunk = chunk.translate(None, _NOT_BASE64)
        if b"=" in in_chunk:
            break
        digits += len(in_chunk)
        behind = _behind_digits(chunk, digits % 4)
        if behind < len(chunk):
            found.append((raw - behind, digits // 4 * 3))
    return found


def _behind_digits(chunk: bytes, count: int) -> int:
    """How many bytes at the end of `chunk` hold its last `count` base64 digits, with all between and after them."""
    behind = 0
    while count and behind < len(chunk):
        behind += 1
        count -= chunk[-behind] not in _NOT_BASE64
    return behind


def _cut(blocks: Iterator[bytes], start: int, end: int) -> Iterator[bytes]:
    position = 0
    for block in blocks:
        piece = block[max(start - position, 0) : max(end - position, 0)]
        if piece:
            yield piece
        position += len(block)
        if position >= end:
            return


def _base64(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Decode base64 (RFC 2045, 6.8). Padding in the middle, where bodies were joined, ends only a group."""
    rest = b""
    for block in blocks:
        digits = rest + block.translate(None, _NOT_BASE64)
        if b"=" in digits:
            *groups, rest = re.split(b"=+", digits)
            decoded_groups = b"".join(_quads(group) for group in groups)
            if decoded_groups:
                yield decoded_groups
            digits = rest
        whole = len(digits) - len(digits) % 4
        rest = digits[whole:]
        if whole:
            yield binascii.a2b_base64(digits[:whole])
    if rest:
        yield _quads(rest)


def _quads(digits: bytes) -> bytes:
    """Decode the digits up to an end of base64; a single digit that is left over is too little for a byte."""
    whole = len(digits) - (len(digits) % 4 == 1)
    return binascii.a2b_base64(digits[:whole] + b"=" * (-whole % 4))


def _quoted_printable(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Decode quoted-printable (RFC 2045, 6.7)."""
    rest = b""
    for block in blocks:
        text = rest + block
        cut = text.rfind(b"\n") + 1
        if not cut and len(text) > _QP_LINE:
            cut = text.rfind(b"=", len(text) - 2)
            cut = len(text) if cut < 0 else cut
        rest = text[cut:]
        if cut:
            yield binascii.a2b_qp(text[:cut])
    if rest:
        yield binascii.a2b_qp(rest)


def _uuencode(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Decode the lines between `begin` and `end` (POSIX uuencode), or all lines if there is no `begin`."""
    begun = False
    for line in _lines(blocks):
        if _BEGIN.match(line):
            begun = True
        elif line.strip() == b"end":
            if begun:
                return
        elif line.strip() and (begun or _is_uu(line)):
            yield _uu_line(line)


def _is_uu(line: bytes) -> bool:
    """Whether the length that the line says of itself fits the line."""
    count = (line[0] - 32) & 63
    return len(line.rstrip(b"\r\n")) in range(1 + (count * 8 + 5) // 6, 3 + (count + 2) // 3 * 4)


def _uu_line(line: bytes) -> bytes:
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        count = (((line[0] - 32) & 63) * 4 + 5) // 3
        try:
            return binascii.a2b_uu(line[:count])
        except binascii.Error:
            return b""


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of `blocks`; one that is too long for uuencode is cut."""
    rest = b""
    for block in blocks:
        lines = (rest + block).split(b"\n")
        rest = lines.pop()[:_UU_LINE]
        yield from lines
    if rest:
        yield rest


_DECODERS: Final[dict[str, Callable[[Iterable[bytes]], Iterator[bytes]]]] = {
    "base64": _base64,
    "quoted-printable": _quoted_printable,
    "x-uuencode": _uuencode,
}
