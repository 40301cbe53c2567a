"""Names of attachments: safe to store, to link and to click on."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.mime import filenames


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("report.pdf", "report.pdf"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ('a:b%c$d?e*f<g>h|i"j.txt', "a_b_c_d_e_f_g_h_i_j.txt"),
        ("C:\\autoexec.bat", "autoexec.bat"),
        ("a\r\nb\tc.txt", "a b c.txt"),
        ("\u202etxt.exe", "_txt.exe"),
        ("..", ""),
        ("   ", ""),
        ("U\u0308.txt", "Ü.txt"),
        ("x" * 300 + ".pdf", "x" * 176 + ".pdf"),
    ],
)
def test_file_names(name: str, expected: str) -> None:
    """No path, none of the characters that JIRA replaces, no control characters, a bearable length."""
    assert filenames.safe(name) == expected


@given(st.text(max_size=400))
def test_any_name_is_safe(name: str) -> None:
    """No path, no character that a file system or a wiki link takes for its own, and short enough for a folder."""
    found = filenames.safe(name)
    assert not set(found) & set('/\\":%$?*<>|\r\n\0')
    assert len(found.encode()) <= 4 * 180
    assert found not in {".", ".."}
    assert found == found.strip() == unicodedata.normalize("NFC", found)
    assert filenames.safe(found) == found


@given(st.text(max_size=60), st.sampled_from(["image/png", "image/jpeg", "image/svg+xml", "image/x"]))
def test_a_picture_can_be_shown(name: str, content_type: str) -> None:
    """Its name ends no macro, adds no argument, and leads to no other wiki."""
    found = filenames.pictured(filenames.safe(name) or "x", content_type)
    assert not set(found) & set("[]{},='`:/\u200b")
    assert "." in found
    assert filenames.pictured(found, content_type) == found


@pytest.mark.parametrize(
    ("name", "shown"), [("a.png", True), ("a", False), ("a,b.png", False), ("a/b.png", False), ("a=b.png", False)]
)
def test_which_pictures_can_be_shown_as_they_are(name: str, shown: bool) -> None:  # noqa: FBT001 - a row of the table
    """Others are stored under another name."""
    assert filenames.picturable(name) is shown


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("image/jpeg", "image.jpg"),
        ("image/webp", "image.webp"),
        ("image/vnd.ms-photo", "image.bin"),
        ("text/x-log", "text.txt"),
        ("text/calendar", "text.ics"),
        ("message/rfc822", "message.eml"),
        ("application/pdf", "attachment.pdf"),
        ("application/x-unknown", "attachment.bin"),
        ("nonsense", "attachment.bin"),
    ],
)
def test_a_part_without_a_name_is_named_after_its_type(content_type: str, expected: str) -> None:
    """With the usual extension, so that a click opens it."""
    assert filenames.from_type(content_type) == expected


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Re: a/b", "Re_ a_b.eml"),
        ("", ""),
        ("...", ""),
        ("x" * 300, "x" * 176 + ".eml"),
    ],
)
def test_an_enclosed_message_is_named_after_its_subject(subject: str, expected: str) -> None:
    """Slashes in it are no path."""
    assert filenames.from_subject(subject, "eml") == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x" * 300, "x" * 180),
        ("x" * 300 + "." + "y" * 20, "x" * 180),
        ("." + "x" * 300, "." + "x" * 179),
    ],
)
def test_a_long_name_keeps_its_extension_only_if_it_is_one(name: str, expected: str) -> None:
    """More than ten letters are none."""
    assert filenames.safe(name) == expected
