"""One place says what the project is called, and no message sends anybody to an index that lacks it."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import about

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SOURCES = [path for folder in ("bench", "baselines") for path in sorted((ROOT / folder).rglob("*.py"))]


def texts(path: Path) -> Iterator[str]:
    """Yield every string of a source file, docstrings too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_the_package_has_the_name_that_the_module_says() -> None:
    assert PROJECT["name"] == about.NAME
    assert PROJECT["authors"] == [{"name": about.DEVELOPERS}]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_other_source_names_it_or_says_how_to_install(path: Path) -> None:
    if path != Path(about.__file__):
        assert not [text for text in texts(path) if "pip install" in text or about.NAME in text.lower()]


@pytest.mark.parametrize("extra", sorted(PROJECT["optional-dependencies"]))
def test_hints_name_a_place_on_disk(extra: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of the checkout; or, where there is none, of the wheel."""
    assert about.install_hint(extra) == f"pip install -c constraints.txt '.[{extra}]'"
    monkeypatch.setattr(about, "CHECKOUT", tmp_path)
    assert about.install_hint(extra).startswith(f"pip install './{about.NAME}-")
    assert about.install_hint(extra).endswith(f".whl[{extra}]'")


def test_every_extra_that_a_hint_names_is_declared() -> None:
    named = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "install_hint":
                named |= {argument.value for argument in node.args if isinstance(argument, ast.Constant)}
    assert named
    assert named <= set(PROJECT["optional-dependencies"])
