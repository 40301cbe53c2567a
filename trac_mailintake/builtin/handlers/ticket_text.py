"""handle: the text of a ticket or comment, made from the text of the message (docs/behaviour.md#text)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.settings import Kind, Parameter
from trac_mailintake.mail.prefetch import neutral_of
from trac_mailintake.mail.scrub import one_way
from trac_mailintake.mail.wiki.escape import broken, neutral
from trac_mailintake.mail.wiki.formatter_cost import bearable, verbatim

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import Context
    from trac_mailintake.mail.message import Message

PARAMETERS: Final = (
    Parameter(
        "text",
        Kind.CHOICE,
        "plain",
        "How plain text is filed: so that it reads as the sender wrote it, word for word in a block, or as wiki text",
        choices=("plain", "verbatim", "wiki"),
    ),
)
_SUMMARY: Final = 100
"""Length of a summary made from the text, in characters."""
_MARKS: Final = " \t=*'|>-"
_AUTHORS: Final = 5


def summary(message: Message) -> str:
    """The subject in one line; without one the first line of the text, else "(no subject)".

    Nothing in it changes the direction of text: lists show summaries beside each other.
    """
    subject = " ".join(one_way(message.subject).split())
    if subject:
        return subject
    first = next((line for line in map(_bare, one_way(message.text).splitlines()) if line), "(no subject)")
    if len(first) <= _SUMMARY:
        return first
    cut = first[:_SUMMARY]
    return f"{cut.rpartition(' ')[0] or cut}…"


def _bare(line: str) -> str:
    """A line without quote marks, wiki markup and images."""
    return "" if line.lstrip().startswith("[[") else " ".join(line[: 10 * _SUMMARY].strip(_MARKS).split())


def body(message: Message, text: str, *, manner: str, keeps_lines: bool = True) -> str:
    """The wiki text for `text`, all or part of the message's text. `manner` is the value of the parameter `text`.

    If Trac would join lines (`preserve_newlines` off), this adds line breaks, except in wiki text by the sender.
    """
    if not text.strip():
        return ""
    if manner == "verbatim":
        return verbatim(text)
    if manner == "wiki" and not message.markup:
        return bearable(text)
    written = text if message.markup else neutral_of(message, text)
    return written if keeps_lines else broken(written)


def signature(message: Message, context: Context) -> str:
    """A line with the sender's address for the end of the text, if `reporterusername` acts for them; else ""."""
    if context.sender.mapped or not context.service.strangers.reporterusername:
        return ""
    if context.sender.address and context.sender.address not in {each.spec for each in message.authors}:
        return neutral(one_way(f"Sent by a web form for {context.sender.address}"))
    authors = (f"{each.name} <{each.spec}>" if each.name else each.spec for each in message.authors[:_AUTHORS])
    return neutral(one_way(f"Sent by mail from {', '.join(authors) or 'nobody'}"))
