"""What stages raise. The text of most is meant for an administrator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from trac_mailintake.mail.scrub import scrub


class ExplainedError(Exception):
    """Its text names the thing, the cause and the next step, in one line, without secrets: it is shown as it stands.

    It often quotes what others said. What a database cannot store, as U+0000 and lone surrogates, is removed.
    """

    def __init__(self, sentence: str = "") -> None:
        super().__init__(scrub(sentence))


class SourceError(ExplainedError):
    """A source could not be reached, dropped the connection, timed out or answered nonsense.

    The text names the source, the cause and the next step, in one line, without secrets.
    """


class LineBroke(SourceError):  # noqa: N818 - a fact about the line
    """The session ended while messages were asked for: the line was dropped, or no valid answer came in time.

    Any of them may be the cause. The next call of the source begins a new session.
    """


class Incomplete(SourceError):  # noqa: N818 - a fact about the message
    """A message does not come, or not whole. The connection still works, and other messages can be fetched.

    Raised by a message's chunks. Discard what arrived; the message stays in the mailbox, and is fetched again later.
    `asked`: whether the message itself was asked for, and not left for later since others before it did not come.
    `temporary`: the server says that this passes by itself. `words`: what the server said, or what it did.
    """

    def __init__(self, sentence: str = "", *, asked: bool = True, temporary: bool = False, words: str = "") -> None:
        super().__init__(sentence)
        self.asked = asked
        self.temporary = temporary
        self.words = words or sentence


class TemporaryFailure(ExplainedError):  # noqa: N818 - named after RFC 5321's transient failure, not after Python's errors
    """Something of ours is down for now (database, disk, memory): the mail is deferred without counting an attempt."""


class Misconfiguration(ExplainedError):  # noqa: N818 - what an administrator must fix
    """A plugin or a setting is wrong: the mail is deferred without counting an attempt; five alike stop the service.

    `alike` is what it shares with others that have the same cause: a plugin's exception often quotes the message, so
    that no two have the same text. By default it is the text.
    """

    def __init__(self, sentence: str, alike: str = "") -> None:
        super().__init__(sentence)
        self.alike = alike or sentence


@dataclass(frozen=True, slots=True)
class Fault:
    """What an administrator must fix, as a sentence; `alike` as in `Misconfiguration`."""

    sentence: str
    alike: str

    @classmethod
    def of(cls, error: ExplainedError) -> Self:
        """The fault that an error tells of."""
        return cls(str(error), error.alike if isinstance(error, Misconfiguration) else str(error))


class NoLongerMine(Exception):  # noqa: N818 - not an error: another worker took over the row
    """Another worker has taken over the lease: drop the result and write nothing."""


class Stale(Exception):  # noqa: N818 - not an error: decide again
    """The basis of the decision has changed (ticket edited, id filed by another worker): decide again."""
