"""parse: what can be wrong with a message, each with its slug and its sentences. A defect refuses no mail."""

from __future__ import annotations

from typing import Final

from trac_mailintake.mail.wording import Wording

UNPARSABLE: Final = Wording("unparsable", "The message could not be read ({error}): its beginning is shown as it came.")

# who wrote it

NO_AUTHOR: Final = Wording(
    "no-author", "An address of the From field is too long to be read: so the mail has no author."
)
"""Nobody counts as the author, whatever the From field names."""
AUTHOR_CUT: Final = NO_AUTHOR.also(
    "cut", "The header is longer than what is read of it: somebody else may be named there, so it has no author."
)
AUTHOR_HIDDEN: Final = NO_AUTHOR.also(
    "hidden", "It has a line that other software may take for another From field: so it has no author."
)

# header

DAMAGED_TEXT: Final = Wording(
    "damaged-text", "Some bytes of the text are no characters in {charset}: they are left out or shown as \ufffd."
)
DAMAGED_HEADER: Final = DAMAGED_TEXT.also(
    "header", "Some bytes of the header are no characters: they are shown as \ufffd ({fields})."
)
JUNK_IN_HEAD: Final = Wording("junk-in-head", "A line of the header block is no field: it was left out.")
LONG_FIELD: Final = Wording(
    "long-field", "The header field {field} is longer than {limit} bytes: its end was left out."
)
LONG_HEAD: Final = Wording("long-head", "The header block is longer than {limit} bytes: fields were left out.")
NO_BLANK_LINE: Final = Wording("no-blank-line", "No blank line separates the header from the body.")

# parts

MANY_PARTS: Final = Wording(
    "many-parts", "The message has more than {limit} parts: the rest is kept as one attachment."
)
MANY_FIELDS: Final = Wording(
    "many-fields",
    "The message has more than {limit} bytes of header fields in its parts: the rest is kept as one attachment.",
)
DEEP_NESTING: Final = Wording(
    "deep-nesting", "Multiparts are nested more than {limit} deep: the inner ones are one attachment."
)
WRONG_BOUNDARY: Final = Wording(
    "wrong-boundary", "A multipart does not say its boundary, or another one: it was guessed."
)
NO_BOUNDARY: Final = Wording("no-boundary", "A multipart does not say its boundary.")
NO_END_BOUNDARY: Final = Wording("no-end-boundary", "A multipart is not closed by its boundary.")

# text

LONG_TEXT: Final = Wording("long-text", "The text is longer than {limit} characters: its end was left out.")
COMPLEX_HTML: Final = Wording("complex-html", "The HTML was only stripped of its tags: {why}.")

WORDINGS: Final = tuple(each for each in globals().copy().values() if isinstance(each, Wording))
"""All of them, in the order of this module."""
