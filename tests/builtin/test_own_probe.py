"""Our own probes are discarded before any rule is asked."""

from __future__ import annotations

from tests.builders import DELIVERY, MEMBER, message, service
from tests.fakes import FakeReader
from trac_mailintake.builtin import own_probe
from trac_mailintake.intake.model import Discard
from trac_mailintake.plugins.hooks import Rules


def test_a_probe_with_our_signature_is_discarded() -> None:
    """The journal names it, so that who sent it finds it there."""
    objection = own_probe.recognised(message(), FakeReader(probe="abc"))
    assert isinstance(objection, Discard)
    assert (objection.rule, "abc" in objection.reason) == ("probe", True)


def test_a_mail_that_only_looks_like_one_is_a_mail() -> None:
    """The reader checks the signature (RFC 2104); the subject proves nothing."""
    assert own_probe.recognised(message(subject="Mail intake probe abc"), FakeReader()) is None


def test_no_rule_is_asked_about_a_probe() -> None:
    """It is discarded even if it is too large and blocked."""
    asked = Rules(FakeReader(probe="abc"), group="none")
    told = service(max_size="1k", oversize="hold")
    [objection] = asked.screen(message(size=10**9), DELIVERY, told, MEMBER)
    assert objection.rule == "probe"
