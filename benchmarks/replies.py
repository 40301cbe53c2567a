"""How many replies of the corpus are cut right: the product and its rivals, on the same texts, by the same comparison.

python -m benchmarks.replies [-v RIVAL]

A rival is asked when it is there: `pip install mail-parser-reply email-reply-parser talon`, Ruby's email_reply_trimmer
(Debian: ruby ruby-email-reply-trimmer), and `npm install email-reply-parser`, its folder in EMAIL_REPLY_PARSER.
Each gets the plain text that the product reads from the mail; HTML is first turned into text by the product.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.corpus.measure import ROOT, comparison, entries, read
from trac_mailintake.mail.reply import new_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.corpus.measure import Entry

    Cutter = Callable[[Sequence[str]], list[str]]

_RUBY: Final = (
    'require "json"; require "email_reply_trimmer"; '
    "puts JSON.generate(JSON.parse($stdin.read).map { |text| EmailReplyTrimmer.trim(text).to_s })"
)
_NODE: Final = (
    "const { default: Parser } = await import(process.argv[1]);"
    "const texts = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
    "console.log(JSON.stringify(texts.map(text => new Parser().read(text).getVisibleText())));"
)
_LANGUAGES: Final = "en,de,da,es,fr,it,ja,ko,nl,pl,pt,ru,sv,zh,cs,david"


def main() -> int:
    """Print a table: sources down, rivals across."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.replies", description=__doc__)
    arguments.add_argument("-v", "--verbose", default="", help="list what this one cuts wrong")
    chosen = arguments.parse_args()
    wanted = [entry for entry in entries() if entry.strips]
    if not wanted:
        print(f"No corpus at {ROOT}: set MAILINTAKE_CORPUS.", file=sys.stderr)
        return 2
    messages = [read(entry)[0] for entry in wanted]
    texts = [message.text for message in messages]
    right = {"ours": judged(wanted, [new_text.reply(message).kept for message in messages])}
    right |= {name: judged(wanted, cutter(texts)) for name, cutter in _rivals().items()}
    print(table(wanted, right))
    for entry, passed in zip(wanted, right.get(chosen.verbose, []), strict=False):
        if not passed:
            print(entry)
    return 0


def judged(wanted: Sequence[Entry], kept: Sequence[str]) -> list[bool]:
    """For each entry whether what was kept of its text is what its source expects."""
    problems = comparison()
    own = {"body", "reply_text"}
    return [
        not any(problem.split()[0] in own for problem in problems(entry.expected, {"body": text}))
        for entry, text in zip(wanted, kept, strict=True)
    ]


def table(wanted: Sequence[Entry], right: dict[str, list[bool]]) -> str:
    """Right ones of each source for each rival."""
    lines = [f"{'source':32}{'mails':>6}" + "".join(f"{name:>19}" for name in right)]
    for source in sorted({entry.source for entry in wanted}):
        rows = [index for index, entry in enumerate(wanted) if entry.source == source]
        counts = (sum(passed[row] for row in rows) for passed in right.values())
        lines.append(f"{source:32}{len(rows):6}" + "".join(f"{n:>11} {n / len(rows):6.1%}" for n in counts))
    return "\n".join(lines)


def _rivals() -> dict[str, Cutter]:
    """Who is there, by name."""
    python: dict[str, tuple[str, Cutter]] = {
        "alfonsrv": ("mailparser_reply", _alfonsrv),
        "zapier": ("email_reply_parser", _zapier),
        "talon": ("talon", _talon),
    }
    found: dict[str, Cutter] = {name: cutter for name, (module, cutter) in python.items() if find_spec(module)}
    if shutil.which("ruby"):
        found["discourse"] = lambda texts: _asked(["ruby", "-e", _RUBY], texts)
    if folder := os.environ.get("EMAIL_REPLY_PARSER"):
        module = json.loads((Path(folder) / "package.json").read_text("utf-8"))["main"]
        command = ["node", "--input-type=module", "-e", _NODE.replace("require('fs')", "(await import('fs'))")]
        found["crisp"] = lambda texts: _asked([*command, (Path(folder) / module).as_uri()], texts)
    return found


def _alfonsrv(texts: Sequence[str]) -> list[str]:
    parser = importlib.import_module("mailparser_reply").EmailReplyParser(languages=_languages())
    return [str(parser.parse_reply(text=text)) for text in texts]


def _languages() -> list[str]:
    known = importlib.import_module("mailparser_reply.constants").MAIL_LANGUAGES
    return [name for name in known if name in _LANGUAGES.split(",")]


def _zapier(texts: Sequence[str]) -> list[str]:
    parser = importlib.import_module("email_reply_parser").EmailReplyParser
    return [str(parser.parse_reply(text)) for text in texts]


def _talon(texts: Sequence[str]) -> list[str]:
    quotations = importlib.import_module("talon.quotations")
    return [str(quotations.extract_from_plain(text)) for text in texts]


def _asked(command: list[str], texts: Sequence[str]) -> list[str]:
    """What a program answers that reads and writes lists of texts as JSON."""
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=True)
    answers: list[str] = json.loads(done.stdout)
    return answers


if __name__ == "__main__":
    sys.exit(main())
