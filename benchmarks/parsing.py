"""Milliseconds to parse one mail, text and markup included; beside it the standard parser, structure only.

python -m benchmarks.parsing
"""

from __future__ import annotations

import base64
import email
import gc
import random
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.load import Kind, mails
from trac_mailintake.mail.parse import parse
from trac_mailintake.mail.spool import Slice

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS: Final = 2.0
"""For how long each is repeated."""
LEAST: Final = 5
_HEAD: Final = (
    "From: Ann Example <ann@example.com>\nTo: support@example.org\nSubject: A question\n"
    "Message-ID: <1@mail.example.com>\nDate: Mon, 02 Nov 2026 10:00:00 +0000\nMIME-Version: 1.0\n"
)
_ROW: Final = (
    '<tr style="height:15pt"><td class="c{0}" style="padding:0 5pt"><p style="margin:0"><span lang="EN-GB">Row {0} '
    'of <b>the list</b> says <a href="https://example.com/item/{0}">item {0}</a></span></p></td>'
    "<td>{0}&nbsp;&euro;</td></tr>\n"
)
_PARAGRAPH: Final = (
    '<p class="MsoNormal" style="margin:0 0 8pt 0"><span style="font-family:Calibri,sans-serif">Paragraph {0} has a '
    "few words, <i>some</i> of them <b>bold</b>, an &amp; and a &lt;, and a line<br>break.</span></p>\n"
)


def page(size: int) -> str:
    """HTML as mail programs write it, of about `size` bytes: paragraphs, and a table for each twenty of them."""
    pieces = ["<html><head><style>p.MsoNormal{margin:0}</style></head><body>\n"]
    length, number = 0, 0
    while length < size:
        number += 1
        piece = _PARAGRAPH.format(number)
        if number % 20 == 0:
            piece += "<table border=0>" + "".join(_ROW.format(row) for row in range(number, number + 5)) + "</table>\n"
        pieces.append(piece)
        length += len(piece)
    return "".join(pieces) + "</body></html>\n"


def samples() -> dict[str, bytes]:
    """Mails by what they are."""
    letter = next(mail.content for mail in mails(200) if mail.kind is Kind.NEW and b"alternative" in mail.content)
    html = _HEAD + "Content-Type: text/html; charset=utf-8\n\n"
    attached = base64.encodebytes(random.Random(1).randbytes(1024**2))  # noqa: S311 - any bytes will do
    fields = "Content-Type: application/octet-stream; name=a.bin\nContent-Transfer-Encoding: base64\n\n"
    return {
        "small, plain text": f"{_HEAD}\nHow do I print?\n".encode(),
        "5 KB, text and HTML": letter,
        "20 KB of HTML": (html + page(20_000)).encode(),
        "1 MB of HTML": (html + page(1_000_000)).encode(),
        "1 MB attached": (_HEAD + fields).encode() + attached,
    }


def milliseconds(call: Callable[[], object]) -> tuple[float, float]:
    """CPU time of a call: the first one, and the median of those that follow."""
    times: list[float] = []
    end = time.monotonic() + SECONDS
    while len(times) <= LEAST or time.monotonic() < end:
        gc.collect()
        start = time.process_time_ns()
        call()
        times.append((time.process_time_ns() - start) / 1e6)
    return times[0], median(times[1:])


def main() -> None:
    """Measure, and print a table."""
    print(f"{'mail':24}{'bytes':>10}{'first, ms':>12}{'then, ms':>12}{'standard, ms':>14}{'characters':>12}")
    with tempfile.TemporaryDirectory() as folder:
        for name, content in samples().items():
            path = Path(folder) / "mail"
            path.write_bytes(content)
            raw = Slice(str(path), 0, len(content))
            first, then = milliseconds(lambda raw=raw: parse(raw))  # type: ignore[misc]  # a default is how a lambda keeps it
            _, standard = milliseconds(lambda content=content: email.message_from_bytes(content))  # type: ignore[misc]  # likewise
            text = parse(raw).text
            print(f"{name:24}{len(content):>10}{first:>12.2f}{then:>12.2f}{standard:>14.2f}{len(text):>12}", flush=True)


if __name__ == "__main__":
    main()
