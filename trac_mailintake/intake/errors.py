"""The base class of all errors whose text is meant for an administrator."""

from __future__ import annotations


class ExplainedError(Exception):
    """Its text names the thing, the cause and the next step, in one line, without secrets: it is shown as it stands."""
