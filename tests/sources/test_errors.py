"""Network errors in one line: the source, the cause, and what to do."""

from __future__ import annotations

import poplib
import socket
import ssl
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.contract import server
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.sources import errors

AT = server("imap", 143, "ann", timeout=7)


def unverified(code: int) -> ssl.SSLCertVerificationError:
    """As OpenSSL raises it."""
    error = ssl.SSLCertVerificationError(1, "failed")
    error.verify_code, error.verify_message = code, "of its own"
    return error


def failed(reason: str) -> ssl.SSLError:
    """As OpenSSL raises it, with one of its own words."""
    error = ssl.SSLError(1, "failed")
    error.reason = reason
    return error


def told(error: BaseException) -> str:
    """The sentence that an administrator reads."""
    with pytest.raises(SourceError) as caught, errors.told(AT, "support", poplib.error_proto):
        raise error
    assert caught.value.__cause__ is error
    return str(caught.value)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (TimeoutError(), "no answer within 7 s"),
        (socket.gaierror(-2, "x"), "name cannot be resolved"),
        (ConnectionRefusedError(), "nothing listens there"),
        (ConnectionResetError(), "dropped the line"),
        (errors.Cut(), "dropped the line"),
        (errors.Excess("its answer is too long"), "support: its answer is too long"),
        (OSError(113, "No route to host"), "No route to host; look at the network"),
        (unverified(10), "has expired"),
        (unverified(9), "not valid yet"),
        (unverified(18), "authority that this machine does not know"),
        (unverified(62), f"another name than {AT.host}"),
        (unverified(99), "not accepted: of its own"),
        (failed("UNEXPECTED_EOF_WHILE_READING"), "dropped the line"),
        (failed("UNSUPPORTED_PROTOCOL"), "no TLS of version 1.2 or later"),
        (failed("WRONG_VERSION_NUMBER"), "TLS failed (wrong version number)"),
        (poplib.error_proto("-ERR what\x00ever"), "is no IMAP: -ERR what ever; is this the port of IMAP?"),
        (ValueError("x"), "is no IMAP"),
        (RecursionError("x"), "is no IMAP"),
    ],
)
def test_each_cause_is_told_with_what_to_do(error: BaseException, sentence: str) -> None:
    """In one line that begins with the source."""
    said = told(error)
    assert sentence in said
    assert said.startswith("support: ")
    assert "\n" not in said


def test_an_error_of_sending_that_a_library_wraps_is_the_cause() -> None:
    """Imaplib raises its own error while it handles that of the network."""
    wrapped = poplib.error_proto("socket error")
    wrapped.__context__ = ConnectionResetError()
    assert "dropped the line" in told(wrapped)


def test_other_errors_are_ours() -> None:
    """They are no SourceError."""
    with pytest.raises(ZeroDivisionError), errors.told(AT, "support"):
        raise ZeroDivisionError


@given(st.text(max_size=400), st.text(min_size=4, max_size=10))
def test_a_servers_words_fit_a_line_of_a_log(text: str, secret: str) -> None:
    """Printable, at most two hundred letters of it, without a secret that it repeats."""
    said = errors.excerpt(f"{text}{secret}{text}", secret)
    assert len(said) <= len("...") + 200
    assert "".join(said.split(" ")).isprintable()
    assert secret not in said or secret in f"{text}***{text}"


def test_bytes_are_words() -> None:
    """As the server said them, and not as Python writes bytes."""
    assert errors.excerpt("command: b'NO quota'") == "command: NO quota"
    assert errors.excerpt(b"caf\xe9") == "caf\ufffd"


def no_password() -> str:
    """A secret file that is gone."""
    raise OSError("/etc/secret: no such file")


def test_a_password_that_cannot_be_had_is_told() -> None:
    """With why, and what to correct."""
    with pytest.raises(SourceError, match=r"support: the password cannot be had: /etc/secret: no such file; correct"):
        errors.ask(AT, "support", no_password)


@pytest.mark.parametrize("end", ["\r", "\n", "\0"])
def test_nobody_adds_a_command_to_a_login(end: str) -> None:
    """RFC 9051, 4.3: a line break in a password would begin another one."""
    assert errors.ask(AT, "support", lambda: "secret") == "secret"
    with pytest.raises(SourceError, match="line break or NUL"):
        errors.ask(AT, "support", lambda: f"secret{end}A LOGOUT")
    with pytest.raises(SourceError, match="line break or NUL"):
        errors.ask(replace(AT, username=f"ann{end}"), "support", lambda: "secret")


def test_a_server_is_named_by_its_address() -> None:
    """Without anything that a terminal obeys."""
    assert errors.address(replace(AT, username="a\x1b[2Jn")) == f"imap://a [2Jn@{AT.host}:143"
