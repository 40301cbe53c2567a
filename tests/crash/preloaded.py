"""All that the processes of `zygote` need, loaded once in the one that they are forked from.

Trac loads each plugin that is installed whenever it opens an environment: nine tenths of what a short process costs.
Here they are loaded as Trac does it (`trac.loader`); where that was done, doing it again is next to nothing.
"""

from __future__ import annotations

import gc
from contextlib import suppress

from pkg_resources import working_set

import tests.crash.rounds
import tests.faults.children  # noqa: F401 - the processes to come call the functions of both

for _entry in working_set.iter_entry_points("trac.plugins"):
    with suppress(Exception):  # what cannot be loaded is left out by Trac, too, and said in its log
        _entry.load(require=True)

# What is here now stays: no forked process looks at it again, nor copies its pages for that.
gc.collect()
gc.freeze()
