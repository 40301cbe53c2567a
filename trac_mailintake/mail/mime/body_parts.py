"""parse: sorts leaves into text and attachments (RFC 2046, 5.1; RFC 2387; RFC 2183).

The tree is folded from its leaves upwards, without recursion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail.mime import parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trac_mailintake.mail.mime.scanner import Entity

    Texts = tuple[Entity, ...]

_TEXTS: Final = {"text/plain", "text/html"}
_FILES: Final = {"text/calendar", "text/rtf", "text/vcard", "text/x-vcard", "text/csv", "text/css", "text/xml"}
"""Text types for programs. All other text types are read as plain text (RFC 2046, 4.1.4)."""
_OTHER_VERSIONS: Final = {"text/x-amp-html", "text/watch-html", "text/enriched", "text/richtext"}
"""Within an alternative these only repeat its plain text and its HTML."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """The leaves of an entity: text, and attachments. Both in the order of the message."""

    texts: tuple[Entity, ...] = ()
    files: tuple[Entity, ...] = ()


def arrange(entities: Sequence[Entity], says_something: Callable[[Entity], bool]) -> Sorted:
    """Sort the leaves of a tree, which is given with parents before children.

    `says_something(entity)`: whether a plain text is neither empty nor a placeholder.
    """
    done: dict[Entity, Sorted] = {}
    first = next((entity for entity in entities if not entity.multipart), None)
    for entity in reversed(entities):
        if entity.children:
            done[entity] = _fold(entity, [done.pop(child) for child in entity.children], says_something)
        elif entity.multipart and not entity.opaque:
            done[entity] = Sorted(texts=(entity,))
        else:
            done[entity] = Sorted(texts=(entity,)) if _is_text(entity, entity is first) else Sorted(files=(entity,))
    return done[entities[0]]


def _is_text(entity: Entity, first: bool) -> bool:  # noqa: FBT001 - private, and named where it is called
    """Whether a leaf is body text: text that neither its disposition nor a name makes an attachment."""
    unknown = first and entity.content_type.startswith("text/") and entity.content_type not in _FILES
    if entity.opaque or not (unknown or entity.content_type in _TEXTS):
        return False
    disposition, name = disposition_of(entity)
    return disposition != "attachment" and (first or not name)


def disposition_of(entity: Entity) -> tuple[str, str]:
    """`inline`, `attachment` or "" (RFC 2183), and the given name or ""."""
    raw = entity.header("content-disposition")
    main, values = parameters.parse(raw) if raw else ("", {})
    name = values.get("filename") or entity.parameters.get("name") or values.get("name") or ""
    return main.strip().lower(), _fuller(name, entity.parameters.get("name", ""))


def _fuller(name: str, other: str) -> str:
    """`other` if `name` is the same with `?` for letters that its charset lacks; otherwise `name`."""
    if "?" not in name or len(name) != len(other):
        return name
    return other if all(mine in {"?", its} for mine, its in zip(name, other, strict=True)) else name


def _fold(entity: Entity, children: list[Sorted], says_something: Callable[[Entity], bool]) -> Sorted:
    match entity.content_type:
        case "multipart/alternative":
            return _alternative(children, says_something)
        case "multipart/related":
            return _merged(_related(children))
        case _:
            return _merged(children)


def _merged(children: Sequence[Sorted]) -> Sorted:
    return Sorted(
        tuple(text for child in children for text in child.texts),
        tuple(leaf for child in children for leaf in child.files),
    )


def _related(children: Sequence[Sorted]) -> list[Sorted]:
    """The first text is the document; all else is what it shows, such as images (RFC 2387)."""
    root = next((child for child in children if child.texts), None)
    return [child if child is root else Sorted((), child.texts + child.files) for child in children]


def _alternative(children: list[Sorted], says_something: Callable[[Entity], bool]) -> Sorted:
    """The plain text if it says something, otherwise the best alternative: the last.

    Files of all alternatives are kept, and so are further texts of the same kind, since they are not versions of it.
    """
    files = _merged(children).files
    versions = [child.texts for child in children if child.texts]
    if not versions:
        return Sorted((), files)
    chosen = _preferred(versions, says_something)
    kept = tuple(leaf for leaf in files if leaf.content_type not in _OTHER_VERSIONS)
    return Sorted(chosen, kept + _further(chosen, versions))


def _preferred(versions: Sequence[Texts], says_something: Callable[[Entity], bool]) -> Texts:
    for texts in versions:
        if all(text.content_type == "text/plain" for text in texts) and any(map(says_something, texts)):
            return texts
    return versions[-1]


def _further(chosen: Texts, versions: Sequence[Texts]) -> Texts:
    """The texts of the kind that was chosen, in the other alternatives."""
    kinds = {text.content_type for text in chosen}
    others = (text for texts in versions if texts is not chosen for text in texts)
    return tuple(text for text in others if text.content_type in kinds)
