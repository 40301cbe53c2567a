"""fetch: the headers of messages without their bodies (RFC 3501, 6.4.5: BODY.PEEK[HEADER])."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.sources.imap.fetch_response import merged
from trac_mailintake.sources.imap.pipelining import is_refusal, uid_of, uids_of
from trac_mailintake.sources.net.quota import LARGEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac_mailintake.intake.model import Listed
    from trac_mailintake.sources.imap.session import Session


def headers(session: Session, wanted: Sequence[Listed]) -> list[tuple[Listed, bytes]]:
    """What comes of the headers, by one command. No other answer may be outstanding.

    Left out is what the server refuses, or what is too large to be held. Raises what ends the session.
    """
    if not wanted:
        return []
    came, failure = session.fetched(session.ask("FETCH", uids_of(wanted), "(UID BODY.PEEK[HEADER])"), passing=LARGEST)
    if failure is not None and not is_refusal(failure):
        raise failure
    found = merged(came)
    heads = ((listed, found.get(uid_of(listed))) for listed in wanted)
    return [(listed, each.section) for listed, each in heads if each is not None and each.section]
