"""Whether two readings of a mail are the same mail."""

from __future__ import annotations

import hashlib
import random
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from trac_mailintake.mail.content_digest import WRITTEN_BY_SERVERS, ContentDigest, PassingDigest, content_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEAD = b"From: ann@example.org\r\nSubject: A printer\r\n that is on fire\r\nX-Statusquo: yes\r\nStatusX: no\r\n"
BODY = b"\r\nStatus: it burns\r\nX-UID: 7\r\n"


def digest(content: bytes) -> str:
    """The digest of a mail that comes as one chunk."""
    return content_digest([content])


def written(random_: random.Random, content: bytes) -> bytes:
    """The mail with some fields that servers write, anywhere in its header."""
    head, gap, body = content.partition(b"\r\n\r\n")
    lines = head.removesuffix(b"\r\n").split(b"\r\n")
    places = [number for number, line in enumerate([*lines, b""]) if line[:1] not in (b" ", b"\t")]
    for place in sorted(random_.choices(places, k=random_.randrange(1, 5)), reverse=True):
        name = random_.choice(WRITTEN_BY_SERVERS).encode()
        name = random_.choice([name, name.lower(), name.upper()])
        value = random_.choice([b" RO", b"", b" 1796031208 0000000002\r\n  NonJunk", b"  " + b"k" * 300, b"\tO"])
        lines.insert(place, name + random_.choice([b":", b" :", b"\t:"]) + value)
    return b"\r\n".join(lines) + b"\r\n" + gap[2:] + body


def cut(random_: random.Random, content: bytes) -> Iterator[bytes]:
    """The same in chunks of any length."""
    while content:
        size = random_.choice([1, 2, 3, 10, 63, 64, 65, 1000])
        yield content[:size]
        content = content[size:]


def passing(chunks: Iterable[bytes]) -> str:
    """The digest of a mail that passes by, whose bytes are hashed here."""
    known, whole = PassingDigest(), hashlib.sha256()
    for chunk in known.through(chunks):
        whole.update(chunk)
    return known.hexdigest(whole.hexdigest())


def test_a_mail_that_no_server_wrote_into_has_the_hash_of_its_bytes() -> None:
    """So that what was archived before there was this digest can be compared."""
    for content in (HEAD + BODY, HEAD, BODY, b"", b"no header at all", b"\n" * 5, b"Statu"):
        assert digest(content) == passing([content]) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("seed", range(300))
def test_what_servers_write_does_not_count(seed: int) -> None:
    """Wherever it stands, folded or not, and however the mail is cut into chunks."""
    random_ = random.Random(seed)  # noqa: S311 - a test
    content = HEAD + (BODY if seed % 3 else b"")
    changed = written(random_, content)
    assert changed != content
    assert content_digest(cut(random_, changed)) == digest(content) == digest(changed)
    assert passing(cut(random_, changed)) == passing([changed]) == digest(content)


@pytest.mark.parametrize("seed", range(300))
def test_it_does_not_matter_how_a_mail_comes(seed: int) -> None:
    """In one chunk, octet by octet, or passing by: generated of what begins and ends fields, perhaps no header."""
    random_ = random.Random(seed)  # noqa: S311 - a test
    pieces = [
        b"\n",
        b"\r\n",
        b"\r",
        b"\n\n",
        b" ",
        b"\t",
        b":",
        b"Status",
        b"status:",
        b"X-UID: 7",
        b"X-",
        b"a: b",
        b"\0",
    ]
    content = b"".join(random_.choices(pieces, k=random_.randrange(12)))
    one_by_one = [content[place : place + 1] for place in range(len(content))]
    digests = {digest(content), content_digest(one_by_one), passing(one_by_one), passing([content])}
    assert len(digests | {passing(cut(random_, content))}) == 1, content


def test_a_mail_that_passes_by_is_hashed_once() -> None:
    """A large one takes no more time than its own hash, unless a server wrote into it."""
    known = PassingDigest()
    for _ in known.through([HEAD + BODY, b"x"]):
        continue
    assert known.hexdigest("that of the others") == "that of the others"


def test_what_others_write_counts() -> None:
    """A field that only resembles one of those, its text, and the body."""
    seen = {
        digest(content)
        for content in (
            HEAD + BODY,
            HEAD + BODY.replace(b"Status: it", b"Status: it's"),
            HEAD + b"X-Status-Report: all well\r\n" + BODY,
            HEAD + b"Subject: Status: x\r\n" + BODY,
            HEAD + b" Status: a folded subject\r\n" + BODY,
            HEAD.replace(b"\r\n", b"\n") + BODY,
            HEAD[:-1] + BODY,
            HEAD,
        )
    }
    assert len(seen) == 8


@pytest.mark.parametrize("seed", range(100))
def test_one_octet_more_or_less_is_another_mail(seed: int) -> None:
    """Anywhere but in those fields."""
    random_ = random.Random(seed)  # noqa: S311 - a test
    content = written(random_, HEAD + BODY)
    place = random_.randrange(len(HEAD + BODY))
    other = (HEAD + BODY)[:place] + b"#" + (HEAD + BODY)[place + seed % 2 :]
    assert digest(written(random_, content)) == digest(HEAD + BODY) != digest(other)


def test_the_digest_so_far_may_be_asked_for_at_any_time() -> None:
    """Also within a name."""
    known = ContentDigest()
    known.update(HEAD)
    known.update(b"X-Key")
    assert known.hexdigest() == hashlib.sha256(HEAD + b"X-Key").hexdigest()
    known.update(b"words: x")
    assert known.hexdigest() == hashlib.sha256(HEAD).hexdigest()
    known.update(b"y\r\n\r\n")
    assert known.hexdigest() == hashlib.sha256(HEAD + b"\r\n").hexdigest()


def test_memory_does_not_grow_with_the_mail() -> None:
    """Not even with a line that does not end, in the header or in a field that is left out."""
    chunk = b"x" * 65536
    for begin in (b"Subject: ", b"Status: ", b"\r\n"):
        known = ContentDigest()
        tracemalloc.start()
        known.update(begin)
        for _ in range(300):
            known.update(chunk)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 10 * len(chunk)
