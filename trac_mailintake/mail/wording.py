"""Reasons, kept as a slug and arguments, from which a template makes the sentence for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from collections.abc import Mapping

Argument = Union[str, int, "Reason"]
"""An argument of a template. A `Reason` includes another sentence or a clause."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A sentence that a slug stands for.

    `text` is a template of `str.format` with named arguments. A slug that has several sentences has a wording for each;
    `form` tells them apart, and is "" for the first. `slug` is "" for a clause that only other sentences include.
    """

    slug: str
    text: str
    form: str = ""

    def __call__(self, **arguments: Argument) -> Reason:
        """The reason with this sentence; `arguments` are exactly those that the template names."""
        return Reason(self, arguments)

    def also(self, form: str, text: str) -> Wording:
        """Another sentence of the same slug."""
        return Wording(self.slug, text, form)


@dataclass(frozen=True, slots=True)
class Reason:
    """A slug and its arguments. `slug`, `wording.form` and `arguments` are enough to make the sentence again."""

    wording: Wording
    arguments: Mapping[str, Argument]

    @property
    def slug(self) -> str:
        """The rule or the defect, as the journal names it."""
        return self.wording.slug

    @property
    def sentence(self) -> str:
        """The sentence for people. Raises KeyError if an argument of the template is missing."""
        return self.wording.text.format(**self.arguments)

    def __str__(self) -> str:
        """The sentence, so that a template can include it."""
        return self.sentence
