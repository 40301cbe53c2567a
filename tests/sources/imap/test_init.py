"""IMAP as a kind of source."""

from __future__ import annotations

from tests.sources.bent import Bend, BentServer
from tests.sources.contract import mail, read, server, service
from trac_mailintake.hookspecs import Opening
from trac_mailintake.sources import imap


def test_a_source_is_opened_with_what_the_service_says() -> None:
    """The server, the folder, and the password, which is asked for only when somebody connects."""
    asked: list[str] = []

    def password() -> str:
        asked.append("once")
        return "secret"

    with BentServer([mail(1), mail(2)], Bend()) as bent:
        bent.folders[b"Other"] = {7: mail(3)}
        made = service(folder="Other", afterwards="leave")
        source = imap.KIND.open(Opening(made, server("imap", bent.port, "ann"), made.afterwards, password))
        assert asked == []
        assert source.account.label.endswith(f"imap://ann@localhost:{bent.port}/Other")
        assert read(source, list(source.list())) == [mail(3)]
        assert asked == ["once"]
        source.close()
