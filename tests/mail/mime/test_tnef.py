"""What lies in a winmail.dat."""

from __future__ import annotations

import base64
import quopri
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import part
from tests.growth import LINEAR, growth
from tests.mail.wrapped import (
    BINARY,
    ENCLOSED,
    LONG,
    OBJECT,
    TEXT,
    UNICODE,
    attached,
    attribute,
    prop,
    props,
    tnef,
)
from trac_mailintake.mail.mime import transfer_encoding
from trac_mailintake.mail.mime.tnef import contents

if TYPE_CHECKING:
    from pathlib import Path

    from trac_mailintake.mail.message import Part


def inside(folder: Path, wrapping: bytes) -> tuple[Part, ...]:
    """The attachments of a wrapping that came in base64, as Outlook's do."""
    found = contents(part(folder, "winmail.dat", base64.encodebytes(wrapping), encoding="base64"))
    return found.attachments if found else ()


def content(found: Part) -> bytes:
    """The bytes of an attachment."""
    return b"".join(transfer_encoding.decoded(found))


def test_the_bytes_are_those_that_were_attached(tmp_path: Path) -> None:
    """All of them, read from the spool as a stretch of the wrapping."""
    whole = bytes(range(256)) * 2000
    found = inside(tmp_path, tnef(attached("a.bin", whole), attached("b.bin", b"second")))
    assert [each.filename for each in found] == ["a.bin", "b.bin"]
    assert [content(each) for each in found] == [whole, b"second"]
    assert [each.path for each in found] == ["1.1", "1.2"]


@pytest.mark.slow
@pytest.mark.parametrize("width", [3, 57, 76, 1_000_000])
def test_many_attachments_are_read_in_time(tmp_path: Path, width: int) -> None:
    """What is far behind in a wrapping is read without what lies before it, however the lines of base64 end."""
    bodies = [bytes([number % 256]) * 20_000 for number in range(200)]
    digits = base64.b64encode(tnef(*(attached("a.bin", body) for body in bodies)))
    if width < 1_000:
        digits = b"\r\n".join(digits[at : at + width] for at in range(0, len(digits), width))
    found = contents(part(tmp_path, "winmail.dat", digits, encoding="base64"))
    assert found is not None
    assert [content(each) for each in found.attachments] == bodies
    assert found.attachments[-1].body.length < len(digits) / 5
    assert growth(lambda number: [content(each) for each in found.attachments[-number:]], 100) < LINEAR


def test_attachments_that_would_take_minutes_to_read_stay_wrapped(tmp_path: Path) -> None:
    """In quoted-printable there is no beginning in the midst: many small ones behind a large one are too many."""
    large = attached("large.bin", b"x" * 3 * 1024 * 1024)
    for count, whole in ((100, True), (200, False)):
        raw = quopri.encodestring(tnef(large, *(attached("small.bin", b"x") for _ in range(count))))
        found = contents(part(tmp_path, "winmail.dat", raw, encoding="quoted-printable"))
        assert (found is not None) is whole


def test_the_long_name_counts_and_the_type_and_the_content_id(tmp_path: Path) -> None:
    """The title is cut to eight letters and three; named properties and numbers in between are passed over."""
    properties = (
        prop(0x8000, UNICODE, "x".encode("utf-16-le"), name="a name"),
        prop(0x0E20, LONG, b"\1\0\0\0"),
        prop(0x3707, UNICODE, "Ein längerer Plan.pdf\0".encode("utf-16-le")),
        prop(0x370E, TEXT, b"Application/PDF\0"),
        prop(0x3712, TEXT, b"<plan@host>\0"),
    )
    [found] = inside(tmp_path, tnef(attached("EINLNG~1.PDF", b"%PDF", *properties)))
    assert (found.filename, found.content_type) == ("Ein längerer Plan.pdf", "application/pdf")
    assert found.content_id == "plan@host"


def test_the_code_page_of_the_wrapping_counts(tmp_path: Path) -> None:
    """Titles are no Unicode."""
    [found] = inside(tmp_path, tnef(attached("Größe.txt", b"x")))
    assert found.filename == "Größe.txt"


def test_a_path_in_a_name_is_dropped(tmp_path: Path) -> None:
    """As in every attachment's name."""
    [found] = inside(tmp_path, tnef(attached("..\\..\\etc\\passwd", b"x")))
    assert found.filename == "passwd"


def test_content_may_be_a_property(tmp_path: Path) -> None:
    """Binary as it is; of an object without the number of its kind."""
    rendered = attribute(2, 0x9002, b"\0" * 14)
    binary = rendered + attribute(2, 0x9005, props(prop(0x3701, BINARY, b"bytes"), prop(0x3704, TEXT, b"a.bin\0")))
    thing = rendered + attribute(2, 0x9005, props(prop(0x3701, OBJECT, b"\1" * 16 + b"object")))
    found = inside(tmp_path, tnef(binary, thing))
    assert [content(each) for each in found] == [b"bytes", b"object"]
    assert [each.filename for each in found] == ["a.bin", "attachment.bin"]


def test_attachments_of_an_enclosed_message_are_found(tmp_path: Path) -> None:
    """However deep."""
    wrapping = tnef(attached("deep.txt", b"deep"))
    for _ in range(100):
        enclosed = attribute(2, 0x9005, props(prop(0x3701, OBJECT, ENCLOSED + wrapping)))
        wrapping = tnef(attribute(2, 0x9002, b"\0" * 14) + enclosed)
    assert [content(each) for each in inside(tmp_path, wrapping)] == [b"deep"]


def test_what_is_cut_short_gives_what_is_whole(tmp_path: Path) -> None:
    """An attribute that reaches beyond the end is none."""
    wrapping = tnef(attached("a.txt", b"first"), attached("b.txt", b"second" * 100))[:-300]
    assert [each.filename for each in inside(tmp_path, wrapping)] == ["a.txt"]


def test_the_texts_are_told_from_the_attachments(tmp_path: Path) -> None:
    """HTML as well."""
    found = contents(part(tmp_path, "winmail.dat", tnef(plain=b"Hello", of_message=prop(0x1013, BINARY, b"<p>Hello"))))
    assert found is not None
    assert found.attachments == ()
    assert [(each.filename, content(each)) for each in found.bodies] == [
        ("message.txt", b"Hello"),
        ("message.html", b"<p>Hello"),
    ]


def test_a_hundred_thousand_attributes_take_no_time(tmp_path: Path) -> None:
    """Time is linear in the size; of too many attachments none is taken, so that none is lost."""
    of_attributes = [
        tnef(attribute(1, 0x8008, b"") * number, *[attached("a", b"x")] * 500) for number in (20_000, 40_000)
    ]
    assert [len(inside(tmp_path, wrapping)) for wrapping in of_attributes] == [500, 500]
    assert growth(lambda number: inside(tmp_path, of_attributes[number // 2]), 1) < LINEAR
    assert inside(tmp_path, of_attributes[0] + attached("a", b"x")) == ()


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_bytes_can_be_looked_into(tmp_path: Path, data: st.DataObject) -> None:
    """A wrapping with anything changed in it is read, or not, without an exception; what is found can be decoded."""
    listed = (prop(0x3707, UNICODE, b"a\0b\0"), prop(0x8001, TEXT, b"x", name="n"), prop(0x1102, LONG, b"\2\0\0\0"))
    wrapping = bytearray(tnef(attached("a.txt", b"content", *listed), of_message=prop(0x1013, BINARY, b"<p>")))
    changes = st.lists(st.tuples(st.integers(4, len(wrapping) - 1), st.integers(0, 255)), max_size=12)
    for place, byte in data.draw(changes):
        wrapping[place] = byte
    found = contents(part(tmp_path, "winmail.dat", bytes(wrapping)))
    for each in (*found.attachments, *found.bodies) if found else ():
        assert len(content(each)) <= len(wrapping)
        assert each.filename
