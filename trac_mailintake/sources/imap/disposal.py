"""dispose: what is done with the copies of recorded mail: deleted, moved, or marked as seen, by UID."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import Afterwards
from trac_mailintake.sources.imap.interrupted_copies import copied
from trac_mailintake.sources.imap.target_folder import ensured

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trac_mailintake.intake.model import Disposition
    from trac_mailintake.sources.imap.session import Session
    from trac_mailintake.sources.imap.target_folder import Target

DELETED: Final = b"\\Deleted"


class Selected(Protocol):
    """The session in which the folder is selected."""

    def connected(self) -> Session:
        """The session."""

    def quiet(self) -> None:
        """Read all outstanding answers."""

    def reselect(self) -> None:
        """Select the folder again, after another one. Raises SourceError if it is another one by now."""


class Disposal:
    """The disposals of one folder. All methods raise IMAPClientError if the server refuses, and network errors."""

    def __init__(self, afterwards: Disposition, folder: str, label: str) -> None:
        """`folder` has the messages; `label` is for sentences."""
        self._afterwards = afterwards
        self._folder = folder
        self._label = label
        self._target: Target | None = None

    def target(self, selected: Selected) -> str:
        """See `ports.Targeting`."""
        if self._afterwards.word is not Afterwards.MOVE:
            return ""
        target = self._moves_to(selected)
        if target.fault:
            raise SourceError(target.fault)
        return f"Mail is moved to the folder {target.name}, which {'was made now' if target.made else 'is there'}."

    def fault(self, selected: Selected) -> str:
        """Why nothing can be disposed of, or ""."""
        return self._moves_to(selected).fault if self._afterwards.word is Afterwards.MOVE else ""

    def forget_fault(self) -> None:
        """Look again next time: somebody may have mended it."""
        if self._target is not None and self._target.fault:
            self._target = None

    def consume(self, selected: Selected, messages: Mapping[int, str]) -> None:
        """Dispose of messages, each UID with the digest of its content. The answers are read later."""
        if self._afterwards.word is Afterwards.SEEN:
            selected.connected().tell("STORE", _set(messages), "+FLAGS.SILENT", r"(\Seen)")
        elif self._afterwards.word is Afterwards.DELETE:
            _delete(selected, messages)
        else:
            self._move(selected, messages)

    def _moves_to(self, selected: Selected) -> Target:
        if self._target is None:
            selected.quiet()
            self._target = ensured(selected.connected(), self._afterwards.folder, self._folder, self._label)
        return self._target

    def _move(self, selected: Selected, messages: Mapping[int, str]) -> None:
        session, target = selected.connected(), self._moves_to(selected).name
        if session.has_capability("MOVE"):
            session.tell("MOVE", _set(messages), session.quoted(target))
            return
        # After a crash between COPY and \Deleted the copy already exists.
        selected.quiet()
        there = copied(session, messages, target)
        selected.reselect()
        missing = [uid for uid in messages if uid not in there]
        if missing:
            session.copy(missing, target)
        _delete(selected, messages)


def _delete(selected: Selected, uids: Iterable[int]) -> None:
    """Expunge by UID, or only mark: a plain EXPUNGE would remove messages that others marked (RFC 4315, 2.1)."""
    session = selected.connected()
    session.tell("STORE", _set(uids), "+FLAGS.SILENT", rf"({DELETED.decode('ascii')})")
    if session.has_capability("UIDPLUS"):
        session.tell("EXPUNGE", _set(uids))


def _set(uids: Iterable[int]) -> str:
    return ",".join(map(str, uids))
