"""The kinds of source that the product brings."""

from __future__ import annotations

import importlib
import pkgutil

from trac_mailintake import sources
from trac_mailintake.hookspecs import SourceKind
from trac_mailintake.sources import kinds


def test_each_kind_that_is_written_is_offered() -> None:
    """One that is not listed could not be chosen."""
    found = {
        each.name
        for module in pkgutil.walk_packages(sources.__path__, f"{sources.__name__}.")
        if isinstance(each := getattr(importlib.import_module(module.name), "KIND", None), SourceKind)
    }
    assert [each.name for each in kinds.mailintake_sources()] == [each.name for each in kinds.KINDS]
    assert {each.name for each in kinds.KINDS} == found


def test_each_kind_has_a_name_of_its_own() -> None:
    """For commands, and for people."""
    for words in ([each.name for each in kinds.KINDS], [each.label for each in kinds.KINDS]):
        assert len(set(words)) == len(words)
