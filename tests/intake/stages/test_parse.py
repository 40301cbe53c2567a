"""A message is read from the archive, unless it must not be; a failure is kept for its turn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.builders import DELIVERY, NOWHERE, message
from trac_mailintake.intake.failures import DEATHS, Deaths
from trac_mailintake.intake.ports import Parser, TooLarge
from trac_mailintake.intake.stages.parse import parsed

ARCHIVED = replace(DELIVERY, raw=NOWHERE)


def test_a_message_is_parsed() -> None:
    """From its slice; one that a process died over is tried again."""
    assert parsed(Parser(lambda raw: message(raw=raw)), replace(ARCHIVED, deaths=DEATHS - 1)) == message(raw=NOWHERE)


@pytest.mark.parametrize(
    ("delivery", "kind"), [(DELIVERY, TooLarge), (replace(ARCHIVED, deaths=DEATHS), Deaths), (ARCHIVED, OSError)]
)
def test_what_cannot_be_read_is_an_exception_and_not_raised(delivery: object, kind: type[Exception]) -> None:
    """What is too large for the archive, or killed too many, is not even tried."""
    tried = []

    def fail(raw: object) -> object:
        tried.append(raw)
        raise OSError("The disk is gone.")

    assert isinstance(parsed(Parser(fail), delivery), kind)  # type: ignore[arg-type]  # it never returns
    assert bool(tried) == (kind is OSError)
