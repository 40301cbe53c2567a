"""Environments that are opened quickly: in a process that has loaded all plugins that are installed already.

Trac looks through all installed packages for plugins whenever it opens an environment: most of what a short process
costs. Nothing is installed between two of them; the plugins in the environment's own folder are looked for each time.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

from trac.config import Configuration
from trac.core import TracError
from trac.env import Environment
from trac.loader import load_components, load_eggs, load_py_files

if TYPE_CHECKING:
    from pathlib import Path

_INSTALLED = load_eggs("trac.plugins")
_IN_ITS_FOLDER = load_py_files()


class _Nobody:
    """Whom Trac tells what it loads."""

    log = logging.getLogger(__name__)


@cache
def load_installed() -> None:
    """Load the installed plugins as Trac does, once for this process and all that are forked from it."""
    _INSTALLED(_Nobody(), [])


class Loaded(Environment):
    """An environment whose installed plugins were loaded before."""

    abstract = True  # for Trac's registry there is one class of environments

    def setup_config(self) -> None:
        """As Trac does it, but for the plugins that are installed."""
        self.components[Environment] = self
        self.config = Configuration(self.config_file_path, {"envname": self.name})
        self.setup_log()
        load_components(self, loaders=(_IN_ITS_FOLDER,))


def open_loaded(path: Path) -> Environment:
    """As `trac.env.open_environment` does it; raises TracError where it must be upgraded."""
    load_installed()
    env = Loaded(str(path))
    if env.needs_upgrade():
        message = f"{path} needs an upgrade"
        raise TracError(message)
    return env
