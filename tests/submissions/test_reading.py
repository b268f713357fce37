"""What is right is read, in every form, to the same numbers."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bench.errors import SubmissionError
from bench.kinds import FRAMES
from bench.submissions import Entry, entry_card, predictions_digest, read_entry, write_run

from .conftest import (
    CLASSES,
    EXPECTED,
    as_table,
    make_task,
    random_scores,
    read,
    save_npz,
    save_table,
)


def test_a_submission_reads_back_as_it_was_written(folder):
    entry, predictions = read(folder)
    assert list(predictions) == ["seed0", "seed1"]
    for seed, run in enumerate(predictions.values()):
        for part, ids in random_scores(seed).items():
            assert list(run[part]) == list(EXPECTED[part])
            for id_, array in ids.items():
                np.testing.assert_array_equal(run[part][id_], array)
                assert run[part][id_].dtype == np.float32
    assert isinstance(entry, Entry)
    assert entry == read_entry(folder)
    assert entry_card(entry, "demo")["parameters"] == 72540
    assert entry_card(entry, "demo")["id"] == "mine"


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_all_three_forms_give_the_same_predictions_in_any_row_order(folder, form):
    _, from_npz = read(folder)
    for seed in range(2):
        table = as_table(random_scores(seed))
        shuffled = table.take(np.random.default_rng(seed).permutation(len(table)))
        save_table(folder, shuffled, form, f"seed{seed}")
        (folder / "demo" / f"seed{seed}.npz").unlink()
    _, from_table = read(folder)
    assert predictions_digest(FRAMES, from_table) == predictions_digest(FRAMES, from_npz)
    for part, ids in from_npz["seed1"].items():
        for id_, array in ids.items():
            np.testing.assert_array_equal(from_table["seed1"][part][id_], array)


def test_fortran_order_and_compression_change_nothing(folder):
    _, before = read(folder)
    scores = random_scores(0)
    turned = {p: {i: np.asfortranarray(a) for i, a in ids.items()} for p, ids in scores.items()}
    path = save_npz(folder, turned)
    with np.load(path) as arrays:
        np.savez_compressed(path, **arrays)
    _, after = read(folder)
    assert predictions_digest(FRAMES, after) == predictions_digest(FRAMES, before)
    assert after["seed0"]["all"]["mouse002"].flags.c_contiguous


def test_the_digest_knows_names_shapes_and_values_but_no_order(folder):
    _, predictions = read(folder)
    digest = predictions_digest(FRAMES, predictions)
    backwards = {
        run: {p: dict(reversed(ids.items())) for p, ids in reversed(parts.items())}
        for run, parts in reversed(predictions.items())
    }
    assert predictions_digest(FRAMES, backwards) == digest
    renamed = {"other": predictions["seed0"], "seed1": predictions["seed1"]}
    assert predictions_digest(FRAMES, renamed) != digest
    array = predictions["seed0"]["all"]["mouse001"].copy()
    array[3, 2] = np.nextafter(array[3, 2], np.float32(2))
    predictions["seed0"]["all"]["mouse001"] = array
    assert predictions_digest(FRAMES, predictions) != digest


def test_notes_and_claimed_scores_are_never_read(folder):
    (folder / "results.json").write_text('{"f1": 1.0, "verified": true}')
    (folder / "LICENSE").symlink_to("/nowhere")
    (folder / "demo" / ".gitkeep").touch()
    os.mkfifo(folder / "README.md")
    os.mkfifo(folder / "demo" / "README.md")
    entry, _ = read(folder)
    assert entry.id == "mine"


def test_a_folder_is_known_by_its_name_also_from_inside(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert read_entry(Path()).id == "mine"
    assert read_entry(Path("demo/..")).id == "mine"


def test_several_classes_at_once_need_not_sum_to_one(folder):
    scores = {p: {i: np.full_like(a, 0.9) for i, a in ids.items()} for p, ids in random_scores().items()}
    write_run(folder, "demo", "seed0", scores)
    read(folder, make_task(exclusive=False))
    with pytest.raises(SubmissionError, match="rows that do not sum to one"):
        read(folder)


def test_scores_may_be_any_real_numbers(folder):
    text = (folder / "submission.toml").read_text().replace('"probabilities"', '"scores"')
    (folder / "submission.toml").write_text(text)
    scores = {p: {i: -7 * a for i, a in ids.items()} for p, ids in random_scores().items()}
    write_run(folder, "demo", "seed0", scores)
    _, predictions = read(folder)
    assert predictions["seed0"]["all"]["mouse001"].max() <= 0


def test_tables_may_be_float64_and_ids_stay_text(folder):
    for path in (folder / "demo").iterdir():
        path.unlink()
    table = as_table(random_scores())
    wide = table.cast(table.schema.set(3, table.schema.field(3).with_type(pa.float64())))
    save_table(folder, wide, "parquet")
    lines = ["part,recording,frame," + ",".join(CLASSES)]
    for part, ids in random_scores().items():
        for id_, array in ids.items():
            rows = array.astype(str).tolist()
            lines += [f"{part},{id_},{i},{','.join(row)}" for i, row in enumerate(rows)]
    (folder / "demo" / "seed1.csv").write_text("\r\n".join(lines), encoding="utf-8-sig")
    _, predictions = read(folder)
    assert predictions_digest(FRAMES, {"r": predictions["seed0"]}) == predictions_digest(
        FRAMES, {"r": predictions["seed1"]}
    )
    assert predictions["seed1"]["rater-2"]["na"].shape == (23, 4)
    assert predictions["seed1"]["rater-2"]["001"].shape == (1, 4)
