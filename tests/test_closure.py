"""The import closure: which files a module depends on, found without running any of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.closure import closure_digest, import_closure

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write files of a package `zoo` that Python finds."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(**files: str) -> None:
        for name, source in {"__init__": "", **files}.items():
            path = tmp_path / "zoo" / f"{name.replace('__of__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)

    return write


def test_it_follows_imports_at_the_top_and_inside_functions(write: Write) -> None:
    write(
        mouse="from zoo.food import corn\nimport zoo.cage\ndef run():\n    from zoo import wheel\n",
        food="corn = 1\n",
        wheel="import numpy\nfrom zoo.axle import AXLE\n",
        axle="AXLE = 1\n",
        cage="",
        owl="from zoo import mouse\n",
    )
    assert list(import_closure("zoo.mouse")) == ["zoo.axle", "zoo.cage", "zoo.food", "zoo.mouse", "zoo.wheel"]


def test_nothing_is_executed(write: Write) -> None:
    write(mouse="from zoo import trap\nraise SystemExit\n", trap="raise SystemExit\n")
    assert list(import_closure("zoo.mouse")) == ["zoo.mouse", "zoo.trap"]


def test_parent_packages_count_where_a_name_is_taken_from_them(write: Write) -> None:
    front = "from zoo.den.fox import fox\nfrom zoo.den.owl import owl\n"
    write(
        den__of____init__=front,
        den__of__fox="fox = 1\n",
        den__of__owl="owl = 1\n",
        hen="from zoo.den import fox\n",
        duck="from zoo.den import bear\n",
    )
    assert list(import_closure("zoo.hen")) == ["zoo.den.fox", "zoo.hen"]
    assert list(import_closure("zoo.duck")) == ["zoo.den", "zoo.den.fox", "zoo.den.owl", "zoo.duck"]


def test_a_name_that_hides_a_module_counts_both(write: Write) -> None:
    write(
        den__of____init__="def fox(): ...\n",
        den__of__fox="",
        hen="from zoo.den import fox\n",
    )
    assert list(import_closure("zoo.hen")) == ["zoo.den", "zoo.den.fox", "zoo.hen"]


def test_relative_imports_and_circles(write: Write) -> None:
    write(
        den__of____init__="",
        den__of__fox="from . import owl\nfrom ..hen import HEN\n",
        den__of__owl="",
        hen="",
    )
    write(hen="from zoo.den import fox\nHEN = 1\n")
    assert list(import_closure("zoo.den.fox")) == ["zoo.den.fox", "zoo.den.owl", "zoo.hen"]


def test_imports_for_types_alone_are_left_out(write: Write) -> None:
    types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from zoo.owl import Owl\n"
    write(mouse=f"{types}else:\n    import zoo.fox\n", owl="Owl = 1\n", fox="")
    assert list(import_closure("zoo.mouse")) == ["zoo.fox", "zoo.mouse"]


def test_the_digest_changes_with_the_closure_and_with_nothing_else(write: Write, tmp_path: Path) -> None:
    write(mouse="from zoo.food import corn\n", food="corn = 1\n", owl="")
    first = closure_digest("zoo.mouse")
    write(mouse="from zoo.food import corn\n", food="corn = 1\n", owl="hoot = 1\n", newt="")
    assert closure_digest("zoo.mouse") == first
    assert closure_digest("zoo.mouse", "zoo.owl") != first
    write(food="corn = 2\n")
    assert closure_digest("zoo.mouse") != first


def test_a_data_file_that_a_module_names_counts(write: Write, tmp_path: Path) -> None:
    write(mouse='RESOURCES = ("tail.json",)\n')
    (tmp_path / "zoo/tail.json").write_text("1")
    first = closure_digest("zoo.mouse")
    assert list(import_closure("zoo.mouse")) == ["zoo.mouse", "zoo.mouse/tail.json"]
    (tmp_path / "zoo/tail.json").write_text("2")
    assert closure_digest("zoo.mouse") != first
    (tmp_path / "zoo/tail.json").unlink()
    with pytest.raises(FileNotFoundError):
        closure_digest("zoo.mouse")


def test_a_module_without_a_source_file_is_refused(write: Write) -> None:
    write(mouse="")
    with pytest.raises(ModuleNotFoundError) as caught:
        import_closure("zoo.cat")
    assert caught.value.name == "zoo.cat"


def test_a_reader_depends_on_itself_and_not_on_other_readers() -> None:
    files = import_closure("bench.datasets.calms21")
    assert {"bench.datasets.calms21", "bench.recordings", "bench.tasks"} <= files.keys()
    assert not {"bench.datasets", "bench.datasets.ratsi", "bench.cli", "bench.store"} & files.keys()
