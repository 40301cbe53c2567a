"""Search for mail that breaks a promise: python -m tests.fuzz CORPUS [SEEDS] [options of libFuzzer].

CORPUS is a folder for what the fuzzer finds worth to keep: put it outside the project. tests/data are good SEEDS.
Needs atheris: pip install 'trac_mailintake[fuzz]'. A finding becomes a mail in tests/data, with its twin.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["trac_mailintake"]):
    from trac_mailintake.mail import parse  # noqa: F401 - instrumented
    from trac_mailintake.mail.html import sanitizer, to_wiki  # noqa: F401 - instrumented
    from trac_mailintake.mail.mime import tnef  # noqa: F401 - instrumented
    from trac_mailintake.mail.reply import new_text  # noqa: F401 - instrumented
    from trac_mailintake.mail.text import calendar  # noqa: F401 - instrumented
    from trac_mailintake.mail.wiki import escape  # noqa: F401 - instrumented

from tests.fuzz.promises import keep
from trac_mailintake.mail.spool import Slice

DICTIONARY = Path(__file__).with_name("mail.dict")


def main() -> None:
    """Fuzz until something is found, or as the options say."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mail"

        def one(mail: bytes) -> None:
            path.write_bytes(mail)
            keep(Slice(str(path), 0, len(mail)))

        atheris.Setup([*sys.argv, f"-dict={DICTIONARY}"], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
