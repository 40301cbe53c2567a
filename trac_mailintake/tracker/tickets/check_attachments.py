"""handle: which of the parts that a handler chose Trac accepts, under which names, and what the ticket says otherwise.

Trac's limits, permissions and manipulators decide, as they would for an upload.
One bad attachment never loses the mail.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from trac.attachment import Attachment, AttachmentModule
from trac.util import normalize_filename
from trac.util.text import pretty_size

from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Step
from trac_mailintake.mail.mime import transfer_encoding
from trac_mailintake.mail.mime.filenames import picturable
from trac_mailintake.mail.wiki.escape import inert
from trac_mailintake.tracker.tickets import place_attachments, stage_attachments
from trac_mailintake.tracker.tickets.place_attachments import Enclosure, Staged
from trac_mailintake.tracker.tickets.stage_attachments import Oversized
from trac_mailintake.tracker.trac_calls.component_errors import asking
from trac_mailintake.tracker.trac_calls.mail_request import Upload

if TYPE_CHECKING:
    from trac.env import Environment
    from trac.resource import Resource
    from trac.web.api import Request

    from trac_mailintake.intake import model
    from trac_mailintake.mail.wording import Reason
    from trac_mailintake.tracker.tickets.stage_attachments import Staging

_NAME_LENGTH: Final = 120
"""In characters; MariaDB compares only the first 191 of a key."""
_PIECES: Final = 20
"""Files into which a long text may be split."""
_NOT_IN_NAMES: Final = re.compile(r"[/\\\x00-\x1f\x7f]")
_UNSAFE_IN_CODE: Final = re.compile(r"[`{}\s]+")


@dataclass(slots=True)
class Enclosing:
    """Attaches the parts of a mail one by one.

    `renamed` maps the handler's names to those in the ticket; `refused` are lines for the ticket.
    """

    env: Environment
    staging: Staging | None
    request: Request
    resource: Resource
    author: str
    kept: list[Enclosure] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    _taken: set[str] | None = None

    def take(self, wanted: model.Attachment) -> None:
        """Attach a part, or note why not."""
        name = clean(wanted.name)
        if not self.allowed():
            self._refuse(name, None, reasons.MAY_NOT_ATTACH(user=self.request.authname))
            return
        module = AttachmentModule(self.env)
        try:
            staged = self._decode(wanted, module.max_size)
        except Oversized as large:
            limit = pretty_size(module.max_size)
            self._refuse(
                name,
                max(large.size, transfer_encoding.about(wanted.part)),
                reasons.LARGER(limit=limit),
            )
            return
        if not staged.size:
            self._drop(staged)
            self.steps.append(Step.of("handle", reasons.ATTACHMENT_EMPTY(name=name)))
            return
        self._judge(wanted, name, staged)

    def take_text(self, text: str) -> tuple[str, ...]:
        """Attach a text that is too long for the ticket, in as many files as max_size requires. Returns their names."""
        if not self.staging or not self.allowed():
            return ()
        content = text.encode("utf-8")
        limit = AttachmentModule(self.env).max_size
        pieces = split(content, limit if limit >= 0 else len(content))
        if len(pieces) > _PIECES:
            self._refuse("full-text.txt", len(content), reasons.LARGER_TEXT(pieces=_PIECES, limit=pretty_size(limit)))
            return ()
        stems = ["full-text"] if len(pieces) == 1 else [f"full-text-{number + 1}" for number in range(len(pieces))]
        return tuple(
            self._keep(f"{stem}.txt", self.staging.keep([piece]), "") for stem, piece in zip(stems, pieces, strict=True)
        )

    def allowed(self) -> bool:
        """Whether the sender may attach files at all."""
        return "ATTACHMENT_CREATE" in self.request.perm(self.resource.child("attachment"))

    def abandon(self) -> None:
        """Remove what was staged, because the change will not be filed."""
        if self.staging:
            self.staging.discard(self.kept)
        self.kept.clear()

    def _decode(self, wanted: model.Attachment, limit: int) -> Staged:
        """Stage the part, or only measure it if there is no staging. Raises Oversized, OSError."""
        if self.staging:
            return self.staging.stage(wanted.part, limit)
        size, digest = 0, hashlib.sha256()
        for chunk in stage_attachments.measured(transfer_encoding.decoded(wanted.part), limit):
            size += len(chunk)
            digest.update(chunk)
        return Staged("", size, digest.hexdigest())

    def _judge(self, wanted: model.Attachment, name: str, staged: Staged) -> None:
        twin = self._twin(staged) if wanted.part.inline else None
        if twin and (twin == wanted.name or picturable(twin)):
            self._drop(staged)
            self.renamed[wanted.name] = twin
            self.steps.append(Step.of("handle", reasons.ATTACHMENT_KNOWN(name=name, twin=twin)))
            return
        reason = self._objections(name, wanted.description, staged)
        if reason:
            self._drop(staged)
            self._refuse(name, staged.size, reason)
            return
        self.renamed[wanted.name] = self._keep(name, staged, wanted.description)

    def _keep(self, name: str, staged: Staged, description: str) -> str:
        final = place_attachments.free_name(self.env, self.resource.id, name, self._names())
        self.kept.append(Enclosure(staged, final, description))
        return final

    def _objections(self, name: str, description: str, staged: Staged) -> str:
        """The attachment manipulators' objections. They may write and use the network, so `explain` skips them."""
        manipulators = AttachmentModule(self.env).manipulators
        if not manipulators:
            return ""
        if not self.staging:
            asked = ", ".join(type(each).__name__ for each in manipulators)
            self.steps.append(Step.of("handle", reasons.SKIPPED_ATTACHMENT(name=name, manipulators=asked)))
            return ""
        attachment = Attachment(self.env, "ticket", self.resource.id)
        attachment.filename, attachment.description = name, description
        attachment.size, attachment.author = staged.size, self.author
        said: list[str] = []
        for each in manipulators:
            with open(staged.path, "rb") as file, asking(self.env, each):
                self.request.args["attachment"] = Upload(name, file)
                said += (str(text) for _, text in each.validate_attachment(self.request, attachment))
        self.request.args.pop("attachment", None)
        return "; ".join(said)

    def _twin(self, staged: Staged) -> str | None:
        """The name of an attachment of the ticket with the same bytes; None if there is none."""
        if self.resource.id is None:
            return None
        rows = self.env.db_query(
            "SELECT filename FROM attachment WHERE type='ticket' AND id=%s AND size=%s",
            (str(self.resource.id), staged.size),
        )
        for (name,) in rows:
            if _sha256(place_attachments.target(self.env, self.resource.id, name)) == staged.sha256:
                return str(name)
        return None

    def _names(self) -> set[str]:
        """The casefolded names in use."""
        if self._taken is None:
            self._taken = (
                set() if self.resource.id is None else set(place_attachments.names(self.env, self.resource.id))
            )
        return self._taken

    def _refuse(self, name: str, size: int | None, why: Reason | str) -> None:
        about = name if size is None else f"{name} ({pretty_size(size)})"
        self.steps.append(Step.of("handle", reasons.ATTACHMENT_REFUSED(about=about, why=why)))
        self.refused.append(f" * {code(about)}: {code(str(why))}")

    def _drop(self, staged: Staged) -> None:
        if self.staging:
            self.staging.discard([Enclosure(staged, "")])


def clean(name: str) -> str:
    """A name as Trac's upload form would store it: never empty, never a path, not too long."""
    plain = _NOT_IN_NAMES.sub("_", normalize_filename(name.replace("/", "_")))
    stem, extension = os.path.splitext(plain)
    extension = extension[:20].rstrip()
    plain = stem[: _NAME_LENGTH - len(extension)].rstrip() + extension
    return "attachment" if plain.strip(". ") == "" else plain


def split(content: bytes, size: int) -> list[bytes]:
    """Split UTF-8 into pieces of at most `size` bytes, never within a character."""
    size = max(size, 4)  # the longest character
    pieces, start = [], 0
    while start < len(content):
        end = min(start + size, len(content))
        while end < len(content) and content[end] & 0xC0 == 0x80:  # noqa: PLR2004 - a continuation byte (RFC 3629, 3)
            end -= 1
        pieces.append(content[start:end])
        start = end
    return pieces


def code(text: str) -> str:
    """A stranger's text as inline code of wiki text, where nothing runs."""
    return f"`{inert(_UNSAFE_IN_CODE.sub(' ', text).strip())}`"


def _sha256(path: str) -> str:
    """The file's SHA-256 (hex); "" if it does not exist."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
