"""fetch, dispose: what a source of mail does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trac_mailintake.intake.model import Account, Listed, Reply


IN_A_ROW: Final = 3
"""Messages that are asked for singly and do not come, one after the other, before no more of a batch are asked for."""


class Source(Protocol):
    """A source of mail. All kinds have the same contract; `tests/sources/contract.py` is its test suite.

    Methods raise only SourceError. A source changes the mailbox only in `dispose` and `settle`.
    After LineBroke, which `fetch` may raise, the next call begins a new session.
    """

    account: Account

    def list(self) -> Sequence[Listed]:
        """All messages in the mailbox, the oldest first. Opens the connection if there is none yet."""

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """Yield each message with an iterator of its bytes in chunks.

        Messages that are gone, or another one at their locator as far as the source can tell, are left out.
        Exhaust the chunks before requesting the next pair. They may raise Incomplete, which concerns only this
        message: the server has it, and does not give it, or not whole. A message is whole only once its chunks are
        exhausted. Raises LineBroke if the session ended, and any of the messages may be the cause.
        """

    def dispose(self, done: Sequence[tuple[Listed, str]]) -> Sequence[Reply]:
        """Dispose of messages as the service says, each with the digest of its content (hex); one reply each.

        The digest is that of `mail.content_digest`, by which the archived message can be compared with another reading.
        Touches only messages that are still the archived ones; those that are gone count as done.
        Repeating a disposal is harmless. A refused one prevents neither other disposals nor a later `fetch`.
        """

    def settle(self) -> None:
        """Make disposals final (POP3: QUIT). Until this returns, the server may undo them.

        Raises SourceError if a disposal was not done and the replies of `dispose` could not say so.
        """

    def close(self) -> None:
        """Close the connection in any state. Never raises, and disposes of nothing."""


@runtime_checkable
class Foreseeing(Protocol):
    """A source on a slow connection that can request messages before they are needed. Optional."""

    def ahead(self, coming: Sequence[Listed]) -> None:
        """Announce messages that will probably be fetched next, so that they can be requested now.

        Raises SourceError. `fetch` may still be called with other messages.
        """


@runtime_checkable
class Peeking(Protocol):
    """A source that can give the headers of messages without their bodies. Optional."""

    def heads(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, bytes]]:
        """Yield messages with their beginnings: at least the header with its blank line, if that can be had.

        Left out are messages that are gone, and those whose header alone cannot be had, which says nothing about the
        rest of them. Changes nothing: a message is not seen because of this. Raises SourceError; LineBroke as `fetch`.
        """


@runtime_checkable
class Targeting(Protocol):
    """A source that can say at once whether mail can be moved to where its service wants it. Optional."""

    def target(self) -> str:
        """A sentence that names the folder that mail is moved to, which is made if it is missing; "" if none is moved.

        Raises SourceError if there is none, and none can be made.
        """


@runtime_checkable
class Advising(Protocol):
    """A source that can say what its server lacks for its service. Optional."""

    def advice(self) -> str:
        """A sentence for the administrator about what is done instead; "" if nothing is lacking. Raises SourceError."""


@runtime_checkable
class Marking(Protocol):
    """A source whose messages are first marked as deleted, and then removed. Optional."""

    @property
    def marked(self) -> Sequence[Listed]:
        """The messages that the last `list` left out since they are marked, if a disposal would remove them."""
