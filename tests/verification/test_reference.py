"""Results that ship: they stand beside one's own, and never in the place of one's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.pages import page_of, publish_results
from bench.results import write
from bench.submitting import compare_results
from bench.verification.results import has_reference, read_result, reference_results, with_reference

TASK = "rat-dyads-aggression"


def entries(results: list) -> list[str]:
    return [result.entry["id"] for result in results]


def test_they_stand_beside_ones_own() -> None:
    shipped = with_reference([], TASK)
    assert set(entries(shipped)) == {"gbdt", "prior"}
    mine = replace(shipped[0], entry={**shipped[0].entry, "id": "mine"})
    assert entries(with_reference([mine])) == ["mine", "gbdt", "prior"]
    own = replace(shipped[0], frames=1)
    assert with_reference([own])[0] is own
    assert entries(with_reference([own])) == ["gbdt", "prior"]
    assert entries(with_reference([replace(mine, truth_digest="0" * 64)])) == ["mine"]
    assert with_reference([], "demo") == []


def test_a_folder_without_results_shows_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        page_of(tmp_path / "none", "rat-dyads-bouts-no-such")
    page, fault = page_of(tmp_path / "none", TASK, reference=True)
    assert fault is None
    assert len(page.rankings[0].rows) == 2
    assert has_reference(TASK, tmp_path)
    assert not has_reference(TASK, reference_results())
    assert not has_reference("demo", tmp_path)


def test_the_pages_show_them_beside_one_result(tmp_path: Path) -> None:
    shipped = read_result(reference_results() / f"{TASK}--gbdt.json")
    card = {**shipped.entry, "id": "mine", "name": "My trees"}
    write(replace(shipped, entry=card), tmp_path / "results")
    publish_results(tmp_path / "results", tmp_path / "alone")
    publish_results(tmp_path / "results", tmp_path / "beside", reference=True)
    assert "Class prior" not in (tmp_path / "alone" / f"{TASK}.html").read_text(encoding="utf-8")
    assert "Class prior" in (tmp_path / "beside" / f"{TASK}.html").read_text(encoding="utf-8")


def test_an_entry_is_compared_with_a_result_that_ships(tmp_path: Path) -> None:
    shipped = read_result(reference_results() / f"{TASK}--gbdt.json")
    mine = replace(shipped, entry={**shipped.entry, "id": "mine", "name": "My trees"})
    write(mine, tmp_path / "results")
    for name in ("mine", "prior"):
        folder = tmp_path / "submissions" / name
        folder.mkdir(parents=True)
        (folder / "submission.toml").touch()
    comparison = compare_results(
        tmp_path / "submissions" / "mine", tmp_path / "submissions" / "prior", TASK, tmp_path / "results"
    )
    assert comparison is not None
    assert comparison.second.title == "Class prior"
    assert comparison.differences[0].difference > 0
