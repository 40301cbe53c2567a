"""What holds for every mail, of those that are put together well and of those that are not."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.promises import keep
from tests.mail.spooled import spooled
from tests.mail.trees import broken, trees
from trac_mailintake.mail.mime import transfer_encoding

if TYPE_CHECKING:
    from pathlib import Path

    from tests.mail.trees import Tree

pytestmark = pytest.mark.slow

EVERY = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


@EVERY
@given(trees())
def test_what_was_attached_is_what_comes_out(tmp_path: Path, tree: Tree) -> None:
    """However deep it lay and however it was encoded: the names, and every byte."""
    message = keep(spooled(tmp_path, tree.mail))
    assert [(part.filename, part.content_type) for part in message.parts] == [
        (unicodedata.normalize("NFC", " ".join(leaf.name.split())), leaf.content_type) for leaf in tree.leaves
    ]
    assert [b"".join(transfer_encoding.decoded(part)) for part in message.parts] == [
        leaf.content for leaf in tree.leaves
    ]
    assert message.subject == "x"


@EVERY
@given(broken())
def test_what_is_broken_is_read_all_the_same(tmp_path: Path, mail: bytes) -> None:
    """Whatever is cut out, doubled or moved: a message whose texts can be stored and whose parts can be decoded."""
    keep(spooled(tmp_path, mail))
