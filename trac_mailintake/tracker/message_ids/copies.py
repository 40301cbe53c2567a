"""record: the keys by which copies of a mail that was filed before are recognised (docs/behaviour.md#duplicates).

A key is the SHA-256 of a version, the service, the Message-ID, the digest, and whether the sender was proved when the
mail was filed. No stored key changes with `authserv_ids`. Keys without a version are those of version 1 of the schema,
which did not record proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail.content_digest import content_digest
from trac_mailintake.tracker.db.transaction import key

if TYPE_CHECKING:
    from trac_mailintake.mail.message import Message
    from trac_mailintake.tracker.message_ids.known import Known

_VERSION: Final = "2"


@dataclass(frozen=True, slots=True)
class Copies:
    """The keys of one mail: its own, and those of mails that it may be a copy of.

    `proved`: that of a proved mail. `unproved`: that of an unproved one. `before`: that of version 1 of the schema.
    """

    service: str
    message: Message
    own: str
    proved: str
    unproved: str
    before: str

    @property
    def others(self) -> tuple[str, ...]:
        """The keys to look up besides its own."""
        return tuple(dict.fromkeys(each for each in (self.proved, self.unproved, self.before) if each != self.own))

    def has(self, row: Known) -> bool:
        """Whether the mail of a row is the same mail.

        An unproved mail is a copy of a proved one with the same key. A proved mail is a copy of an unproved one only
        if their contents are equal: anybody can write an unproved one, and send it first.
        """
        if row.copy in (self.own, self.proved, self.before):
            return True
        if row.copy == self.unproved:
            return row.content == content_of(self.message)
        # A row of version 1, whose digest was made of texts that may be decoded in another way today.
        return row.content == f"{self.service} {self.message.sha256}"


def copies(service: str, message: Message, *, proved: bool) -> Copies:
    """The keys of a mail. Without a Message-ID, the digest of its content counts, whoever it is from."""
    if not message.message_id:
        own = key(_VERSION, service, content_of(message))
        return Copies(service, message, own, own, own, key(service, message.sha256))
    with_proof, without = (key(_VERSION, service, message.message_id, message.digest, word) for word in ("proved", ""))
    before = key(service, message.message_id, message.digest_before)
    return Copies(service, message, with_proof if proved else without, with_proof, without, before)


def content_of(message: Message) -> str:
    """The digest of a mail's content, hex; of all its bytes if they cannot be read again."""
    return message.once("content", lambda: _content_of(message))


def _content_of(message: Message) -> str:
    try:
        return content_digest(message.raw.chunks())
    except OSError:
        return message.sha256
