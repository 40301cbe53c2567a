"""One message on a stream."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.sources.contract import mail, read, take
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import Afterwards, Answer
from trac_mailintake.intake.settings import SettingError, disposition
from trac_mailintake.sources.local import stdin
from trac_mailintake.sources.local.stdin import PipeSource

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("separator", [b"", b"From x Sat Nov 21 09:05:34 2026\n", b"From " + b"x" * 9000 + b"\r\n"])
def test_the_message_is_named_by_its_bytes(tmp_path: Path, separator: bytes) -> None:
    """Without the line that a delivery agent may put before it."""
    source = PipeSource(io.BytesIO(separator + mail(1, size=700_000)), "support", str(tmp_path))
    [listed] = source.list()
    assert listed.locator == listed.fingerprint == hashlib.sha256(mail(1, size=700_000)).hexdigest()
    assert listed.size == len(mail(1, size=700_000))
    assert read(source, [listed]) == read(source, [listed]) == [mail(1, size=700_000)]
    assert source.account.label == "pipe:support"


def test_no_byte_is_no_message() -> None:
    """Somebody closed the pipe."""
    assert list(PipeSource(io.BytesIO(b""), "support").list()) == []


def test_disposing_does_nothing() -> None:
    """There is no mailbox; the exit status is what the sender hears."""
    source = PipeSource(io.BytesIO(mail(1)), "support")
    assert [reply.answer for reply in source.dispose(take(source))] == [Answer.COMPLETED]
    source.settle()
    source.close()
    source.close()


@pytest.mark.parametrize("word", [each.value for each in Afterwards])
def test_no_word_is_taken(word: str) -> None:
    """There is no mailbox, so nothing is done with its copy."""
    with pytest.raises(SettingError):
        disposition(f"{word}:X" if word == "move" else word, stdin.KIND.afterwards, stdin.KIND.label)


def test_a_spool_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    """As a sentence."""
    with pytest.raises(SourceError, match="does not exist"):
        PipeSource(io.BytesIO(mail(1)), "support", str(tmp_path / "none")).list()


def test_importing_the_kinds_imports_nothing_heavy() -> None:
    """A run that finds nothing due must not pay for protocols that it does not speak."""
    program = "import sys; b = {*sys.modules}; import trac_mailintake.sources.kinds; print(*{*sys.modules} - b)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"imapclient", "imaplib", "poplib", "ssl", "socket", "email", "trac"} & set(loaded)
