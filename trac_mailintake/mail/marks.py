"""parse: characters that separate our markup from the sender's text while HTML is converted.

They are noncharacters (Unicode 15, 23.7): for use within one program, never for interchange. `scrub` replaces
all of them in text from outside, in decoded bytes and decoded entities, so no mail can contain one.
It replaces instead of deleting them, so that the text on both sides is not joined.
"""

from __future__ import annotations

from typing import Final

QUOTED: Final = "\ufdd0"
"""The HTML says that what follows is quoted, up to QUOTED_END."""
QUOTED_END: Final = "\ufdd1"
OWN: Final = "\ufdd2"
"""Our markup follows, up to OWN_END."""
OWN_LINE: Final = "\ufdd3"
"""Our markup at the beginning of a line follows: a heading, an item, a row, a line of code."""
OWN_END: Final = "\ufdd4"

NONCHARACTERS: Final = "\ufdd0-\ufdef\ufffe\uffff"
"""All noncharacters of the Basic Multilingual Plane, for a character set in a regular expression."""
