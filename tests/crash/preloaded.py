"""All that the processes of `zygote` need, loaded once in the one that they are forked from."""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil

import tests.faults.children  # noqa: F401 - the processes to come call its functions
import trac_mailintake
from tests.crash.loaded import load_installed

# PyMySQL reads all authorities that the machine knows whenever it connects; no server of the tests is known to them.
os.environ["SSL_CERT_FILE"] = os.devnull
os.environ["SSL_CERT_DIR"] = os.devnull

load_installed()
for _module in pkgutil.walk_packages(trac_mailintake.__path__, "trac_mailintake."):
    importlib.import_module(_module.name)

# What is here now stays: no forked process looks at it again, nor copies its pages for that.
gc.collect()
gc.freeze()
