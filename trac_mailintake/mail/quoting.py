"""x"""
from __future__ import annotations
from dataclasses import dataclass
@dataclass(frozen=True, slots=True)
class Cut:
    kept: str
    removed: str
def cut(text: str) -> Cut:
    return Cut(text, "")
