"""parse: the characters with which the readers of HTML tell one another what is not the sender's text.

They are noncharacters (Unicode 15, 23.7): for use within one program, never for interchange. `charsets.scrub` replaces
all of them in what comes from outside, decoded bytes and decoded entities alike, so no mail can express one.
It replaces and does not delete: what stands on both sides of one must not come together.
"""

from __future__ import annotations

from typing import Final

QUOTED: Final = "\ufdd0"
"""The HTML says that what follows is quoted, up to QUOTED_END."""
QUOTED_END: Final = "\ufdd1"
OWN: Final = "\ufdd2"
"""What follows is our markup, up to OWN_END."""
OWN_LINE: Final = "\ufdd3"
"""Likewise, and a line begins with it: a heading, an item, a row, a line of code."""
OWN_END: Final = "\ufdd4"

NONCHARACTERS: Final = "\ufdd0-\ufdef\ufffe\uffff"
"""All of them in the Basic Multilingual Plane, for a set in a regular expression."""
