"""TLS as it is configured: certificates are verified in any case."""

from __future__ import annotations

import ssl
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.servers.certificates import issue
from tests.sources.contract import server
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.sources.net import tls

if TYPE_CHECKING:
    from pathlib import Path

AT = server("imap", 143, "ann")


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_certificates_and_names_are_verified(security: str) -> None:
    """RFC 6125 and RFC 8997: no version below 1.2."""
    made = tls.context(replace(AT, security=security))
    assert made is not None
    assert (made.verify_mode, made.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert made.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert made.get_ca_certs() or ssl.get_default_verify_paths().capath


def test_without_tls_only_if_somebody_says_so() -> None:
    """A word that is misspelled is no permission."""
    assert tls.context(replace(AT, security="none")) is None
    for word in ("", "None", "ssl", "TLS"):
        with pytest.raises(SourceError, match=f"security={word} is none of tls, starttls, none"):
            tls.context(replace(AT, security=word))


def test_only_the_authority_of_the_file_is_trusted(tmp_path: Path) -> None:
    """Not those of the machine as well."""
    made = tls.context(replace(AT, security="tls", ca_file=str(issue(tmp_path).authority)))
    assert made is not None
    assert len(made.get_ca_certs()) == 1


@pytest.mark.parametrize(
    ("content", "cause"), [(None, "No such file"), (b"", "no certificate"), (b"x", "no certificate")]
)
def test_a_file_without_an_authority_is_told(tmp_path: Path, content: bytes | None, cause: str) -> None:
    """With its path, and what is wrong; the machine's authorities do not stand in."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SourceError, match=f"the CA file {file} cannot be used: .*{cause}"):
        tls.context(replace(AT, security="tls", ca_file=str(file)))
