"""Composes replies of author's blocks and quoting styles, and judges what was cut: the truth is known.

Two lists say what must happen: whatever `blocks` make *must be kept*, whatever `styles` make *must be cut*.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.composed import blocks, styles
from trac_mailintake.mail.html import declared_quotes, to_wiki
from trac_mailintake.mail.reply.new_text import cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from trac_mailintake.mail.reply.new_text import Cut

_DISTINCT: Final = 8
"""Letters and digits that a line needs to be told from others."""
_SHOWN: Final = ("orwarded", "orward")
"""Blocks with these words show another mail, and so does all that follows."""


@dataclass(frozen=True)
class Reply:
    """A composed reply: `written` are the author's lines without their signature, `quoted` those of the quote.

    `name` says what it is composed of. `text` is HTML if `html`.
    """

    name: str
    text: str
    html: bool
    written: tuple[str, ...]
    quoted: tuple[str, ...]

    def cut(self) -> Cut:
        """What the product makes of it."""
        if self.html:
            return cut(*declared_quotes.taken_out(to_wiki.wiki(self.text, {})), markup=True)
        return cut(self.text)


def compose(seed: int) -> Reply:
    """The reply of a seed: a third without a quote, a third with one, a third with one in HTML or with a footer."""
    random_ = random.Random(seed)  # noqa: S311 - the same mail for the same seed
    kinds = random_.choices(
        ["", *blocks.INTRODUCED], weights=[len(blocks.INTRODUCED), *[1] * len(blocks.INTRODUCED)], k=2
    )
    written = _written(random_, kinds)
    name = "+".join(kind or "sentences" for kind in kinds)
    match random_.randrange(6):
        case 0 | 1:
            signed = _signed(random_, written)
            return Reply(name, "\n".join(signed), html=False, written=tuple(written), quoted=())
        case 2:
            return _in_html(random_, name, written)
        case _:
            return _in_plain_text(random_, name, written)


def _written(random_: Random, kinds: Sequence[str]) -> list[str]:
    """The author's text: a salutation, blocks, and mostly a sentence at the end."""
    parts = [blocks.block(random_, kind) if kind else blocks.sentences(random_) for kind in kinds]
    if random_.random() < 0.6:
        parts.insert(0, blocks.sentences(random_, 1))
    if random_.random() < 0.7 or not any("." in part[-1] for part in parts):
        parts.append(blocks.sentences(random_, 2))
    if random_.random() < 0.5:
        parts.insert(0, [random_.choice(blocks.SALUTATIONS)])
    return [line for part in parts for line in (*part, "")][:-1]


def _signed(random_: Random, written: list[str]) -> list[str]:
    return [*written, "", *blocks.signature(random_)] if random_.random() < 0.5 else written


def _in_plain_text(random_: Random, name: str, written: list[str]) -> Reply:
    """The text, then the quote of some program, perhaps with a telephone's line between or a footer below."""
    style = random_.choice(list(styles.PLAIN))
    maker, codes = styles.PLAIN[style]
    quote = styles.Quote(random_, blocks.quoted(random_), random_.choice(codes) if codes else "")
    above = _signed(random_, written)
    if random_.random() < 0.2:
        above = [*above, "", random_.choice(quote.moment.language.phone)]
    below = maker(quote)
    footer = random_.choice(styles.FOOTERS) if random_.random() < 0.15 else ""
    text = "\n".join((*above, *[""] * random_.randint(1, 3), below, *(("", footer) if footer else ()), ""))
    lines = () if _is_open(written) or _shows(written) else tuple(below.split("\n"))
    return Reply(f"{name} | {style} ({quote.code})", text, html=False, written=tuple(written), quoted=lines)


def _in_html(random_: Random, name: str, written: list[str]) -> Reply:
    style = random_.choice(list(styles.HTML))
    quote = styles.Quote(random_, blocks.quoted(random_))
    text = styles.paragraphs([*written, ""]) + styles.HTML[style](quote)
    lines = () if _is_open(written) or _shows(written) else tuple(quote.lines)
    return Reply(f"{name} | HTML: {style} ({quote.code})", text, html=True, written=tuple(written), quoted=lines)


def _is_open(written: Sequence[str]) -> bool:
    """Whether the text ends with what announces more, so that whatever follows may belong to it."""
    return blocks.is_open(written[-1])


def _shows(written: Sequence[str]) -> bool:
    return any(word in line for line in written for word in _SHOWN)


def complaints(reply: Reply) -> Iterator[str]:
    """What is wrong about how the reply is cut: lines of the author that are gone, lines of the quote that stay."""
    result = reply.cut()
    kept, written = _letters(result.kept), _letters("".join(reply.written))
    for line in reply.written:
        if _letters(line) not in kept:
            yield f"gone: {line}"
    for line in reply.quoted:
        letters = _letters(line)
        if len(letters) >= _DISTINCT and letters in kept and letters not in written:
            yield f"stays: {line}"
    last = result.kept.rstrip().rsplit("\n", 1)[-1]
    if result.removed.strip() and blocks.is_open(last) and _letters(last) != _letters(reply.written[-1]):
        yield f"ends in the air: {last}"


def _letters(text: str) -> str:
    """Only letters and digits: what is left when lines are joined or marked up."""
    return "".join(filter(str.isalnum, text))
