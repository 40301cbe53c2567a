"""What `setup.cfg` says and what lies in the folders is the same."""

from __future__ import annotations

import configparser
from collections import Counter

from packaging.requirements import Requirement

from tests.house.tree import PACKAGE, ROOT, modules

MOST_MODULES = 15


def settings() -> configparser.ConfigParser:
    """`setup.cfg`, read."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def test_every_package_is_packed() -> None:
    """A folder of the package that is not listed would be missing in the wheel."""
    folders = {init.parent for init in PACKAGE.rglob("__init__.py")}
    names = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert set(settings()["options"]["packages"].split()) == names | {"trac_mailintake.templates"}


def test_a_folder_is_taken_in_at_a_glance() -> None:
    """At most 15 modules, besides its `__init__.py`."""
    folders = Counter((ROOT / module.name).parent for module in modules() if module.within("trac_mailintake"))
    sizes = {folder.relative_to(ROOT).as_posix(): number for folder, number in folders.items()}
    assert {name: number - 1 for name, number in sizes.items() if number - 1 > MOST_MODULES} == {}


def test_templates_have_a_name_of_their_own() -> None:
    """Trac looks templates up by name alone, among those of all plugins."""
    templates = [path.name for path in (ROOT / "templates").iterdir() if path.suffix in {".html", ".txt"}]
    assert all(name.startswith("mailintake_") for name in templates), templates


def test_every_folder_of_tests_is_a_package() -> None:
    """Test modules of the same name in two folders are told apart."""
    folders = {(ROOT / module.name).parent for module in modules() if module.within("tests")}
    assert [folder.name for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_setuptools_still_has_what_trac_needs() -> None:
    """Setuptools 82 has no `pkg_resources`, and 80.9 and later warn at every start: bounds for running and building."""
    wanted = [Requirement(line) for line in settings()["options"]["install_requires"].split("\n") if line.strip()]
    [setuptools] = [requirement for requirement in wanted if requirement.name == "setuptools"]
    assert "80.8.0" in setuptools.specifier
    assert not list(setuptools.specifier.filter(["76.1", "80.9.0", "81.0.0", "82.0.0"]))
    assert f'requires = ["{setuptools.name}{_ordered(setuptools)}"]' in (ROOT / "pyproject.toml").read_text("utf-8")


def _ordered(requirement: Requirement) -> str:
    """The bounds, the lower one first."""
    return ",".join(sorted(map(str, requirement.specifier), reverse=True))
