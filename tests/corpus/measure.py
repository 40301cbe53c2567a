"""Read one mail of the corpus with the product, and say how far it is from what is expected."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trac_mailintake.mail.message import Origin
from trac_mailintake.mail.mime import filenames, transfer_encoding
from trac_mailintake.mail.parse import parse
from trac_mailintake.mail.reply import new_text
from trac_mailintake.mail.spool import Slice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trac_mailintake.mail.message import Message

ROOT = Path(os.environ.get("MAILINTAKE_CORPUS") or Path(__file__).parents[2].parent / "shared" / "corpus")
_EMPHASIS = re.compile("'{2,5}")


@dataclass(frozen=True)
class Entry:
    """A mail of the corpus: where it lies and what is expected of it."""

    source: str
    path: Path
    expected: dict[str, Any]

    @property
    def strips(self) -> bool:
        """Whether the entry wants the body without quotes."""
        return bool(self.expected.get("config", {}).get("strip_quotes"))

    def __str__(self) -> str:
        return f"{self.source}/{self.expected['file']}"


@dataclass(frozen=True)
class Result:
    """What became of one entry."""

    entry: Entry
    problems: tuple[str, ...]
    seconds: float


def entries() -> Iterator[Entry]:
    """All entries, source by source; none when the corpus is not there."""
    for listing in sorted(ROOT.glob("*/expected.json")):
        for expected in json.loads(listing.read_text()):
            yield Entry(listing.parent.name, listing.parent / expected["file"], expected)


def read(entry: Entry) -> tuple[Message, float]:
    """The parsed mail, and how many seconds of CPU it took."""
    before = time.process_time()
    message = parse(Slice(str(entry.path), 0, entry.path.stat().st_size))
    return message, time.process_time() - before


def measure(entry: Entry, problems: Callable[[dict[str, Any], dict[str, Any]], list[str]]) -> Result:
    """Compare what the product reads with what is expected, by the corpus's own comparison `problems`."""
    message, seconds = read(entry)
    got = _got(entry, message) | {"seconds": seconds}
    return Result(entry, tuple(problems(_as_stored(entry.expected), got)), seconds)


def _as_stored(expected: dict[str, Any]) -> dict[str, Any]:
    """What is expected, with names as they are stored: characters that a file name must not hold are `_`."""
    attachments = [
        attachment | {"name": filenames.safe(attachment["name"])} if attachment.get("name") else attachment
        for attachment in expected.get("attachments", ())
    ]
    return expected | {"attachments": attachments} if attachments else expected


def _words(text: str, *, wiki: bool) -> str:
    """The text; of wiki text without the marks of bold and italic, which the corpus's words do not have."""
    return _EMPHASIS.sub("", text) if wiki else text


def comparison() -> Callable[[dict[str, Any], dict[str, Any]], list[str]]:
    """The corpus's reference comparison."""
    spec = importlib.util.spec_from_file_location("corpus_compare", ROOT / "compare.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(ROOT / "compare.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[[dict[str, Any], dict[str, Any]], list[str]] = module.problems
    return found


def _got(entry: Entry, message: Message) -> dict[str, Any]:
    """The message in the words of the corpus."""
    author = message.author or next(iter(message.authors), None)
    return {
        "subject": message.subject,
        "from_addr": author.spec if author else None,
        "from_name": author.name if author else None,
        "body": _words(new_text.reply(message).kept if entry.strips else message.text, wiki=message.markup),
        "attachments": [
            {"name": part.filename, "data": b"".join(transfer_encoding.decoded(part)), "inline": part.inline}
            for part in message.parts
        ],
        "is_auto_reply": message.origin in {Origin.RESPONDER, Origin.REPORT},
        "is_bounce": message.origin is Origin.REPORT,
        "in_reply_to": next(iter(message.in_reply_to), None),
        "references": list(message.references),
        "to": [address.spec for address in message.to],
        "cc": [address.spec for address in message.cc],
        "error": "crash" if any(defect.slug == "unparsable" for defect in message.defects) else None,
    }
