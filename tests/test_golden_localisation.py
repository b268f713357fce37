"""The golden vectors of the reference evaluators, through the files of a submission and of `bench score`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.evaluation import evaluate
from bench.kinds import SEGMENTS
from bench.metrics.localisation import TIOU
from bench.recordings import Recording, Segments
from bench.scoring import score_segments
from bench.submissions import Entry, TaskCard, entry_card, read_tasks, write_card
from bench.tasks import Task
from tests.test_localisation_tasks import task as toy

GOLDEN = Path(os.environ.get("ETHOBENCH_GOLDEN", Path(__file__).parents[1].parent / "shared" / "golden"))
CASES = [
    (path, json.loads(path.read_text())) for path in sorted((GOLDEN / "localisation").glob("case_*.json"))
]
DEFINED = [
    (path, case) for path, case in CASES if "expected_canonical" in case and tuple(case["tiou"]) == TIOU
]
SHORT = [(path, case) for path, case in DEFINED if "invalid_detection" not in case["flags"]]
Rows = dict[str, list[Any]]


def tables(path: Path, case: Mapping[str, Any]) -> tuple[Rows, Rows]:
    """Return, by video, its true segments and its detections in ActivityNet's layout."""
    columns: dict[str, list[list[Any]]] = {}
    names = ("video", "start", "end", "label", "score")
    if "data" in case:
        arrays = np.load(path.parent / case["data"])
        videos = arrays["video_names"].tolist()
        for side in ("gt", "pred"):
            columns[side] = [arrays[f"{side}_{n}"].tolist() for n in names if f"{side}_{n}" in arrays]
            columns[side][0] = [videos[v] for v in columns[side][0]]
        videos = arrays["videos"].tolist()
    else:
        videos = case["videos"]
        for side in ("gt", "pred"):
            columns[side] = [[row[n] for row in case[side]] for n in names if n in (case[side] or [{}])[0]]
    truth: Rows = {str(video): [] for video in videos}
    found: Rows = {str(video): [] for video in videos}
    for video, start, end, label in zip(*columns["gt"], strict=True):
        truth.setdefault(video, []).append({"segment": [start, end], "label": f"c{label:03d}"})
    for video, start, end, label, score in zip(*columns["pred"], strict=True):
        row = {"segment": [start, end], "label": f"c{label:03d}", "score": score}
        found.setdefault(video, []).append(row)
    every = list(dict.fromkeys([*truth, *found]))
    return {v: truth.get(v, []) for v in every}, {v: found.get(v, []) for v in every}


def asked(truth: Rows, found: Rows) -> tuple[Task, dict[str, Recording]]:
    """Make the task of a case, and recordings that end after every segment."""
    labels = {row["label"] for rows in (*truth.values(), *found.values()) for row in rows}
    classes = tuple(sorted(labels))
    base = toy(all=tuple(truth))
    dataset = replace(base.dataset, classes=classes)
    last = max(row["segment"][1] for of in (truth, found) for rows in of.values() for row in rows)
    frames = int((last + 1) * dataset.fps)
    made = {}
    for id_, rows in truth.items():
        kept = [
            row for row in rows if row["segment"][0] < row["segment"][1]
        ]  # readers refuse what has no length
        bounds = np.array([row["segment"] for row in kept], dtype=np.float64).reshape(-1, 2)
        numbers = np.array([classes.index(row["label"]) for row in kept], dtype=np.int64)
        segments = Segments(bounds, numbers, len(classes))
        nothing = np.zeros((frames, len(classes)), dtype=bool)
        watched = np.ones(frames, dtype=bool)
        made[id_] = Recording(id_, id_, dataset.fps, classes, nothing, watched, segments=segments)
    return replace(base, classes=classes, dataset=dataset), made


@pytest.mark.slow
@pytest.mark.skipif(not SHORT, reason=f"no golden vectors under {GOLDEN}")
@pytest.mark.parametrize(("path", "case"), SHORT, ids=[path.stem for path, _ in SHORT])
def test_a_submission_scores_as_the_reference_and_as_bench_score(
    path: Path, case: dict[str, Any], tmp_path: Path
) -> None:
    truth, found = tables(path, case)
    task, recordings = asked(truth, found)
    entry = Entry(
        "e",
        "E",
        ("a",),
        "MIT",
        {task.name: TaskCard(task.classes, None, "x", "none", causal=False, detections="final")},
    )
    write_card(tmp_path / "e", entry)
    (tmp_path / "e" / task.name).mkdir()
    file = tmp_path / "e" / task.name / "seed0.json"
    file.write_text(json.dumps({"results": found}))
    lengths = {"all": {id_: SEGMENTS.length(one) for id_, one in recordings.items()}}
    entry, read = read_tasks(tmp_path / "e", lambda _: task, lambda _: lengths)
    result = evaluate(task, entry_card(entry, task.name), read[task.name], recordings, resamples=0)
    expected = case["expected_canonical"]
    values = {name: score.value for name, score in result.scores.items()}
    assert values["detection_map"] == pytest.approx(expected["average_mAP"], abs=1e-12)
    at = [values[f"detection_map_{round(100 * tiou)}"] for tiou in TIOU]
    assert at == pytest.approx(expected["mAP"], abs=1e-12)
    for k in ("1", "5"):
        assert values[f"detection_recall_{k}"] == pytest.approx(np.mean(expected["recall"][k]), abs=1e-12)
    database = tmp_path / "truth.json"
    database.write_text(json.dumps({"database": {id_: {"annotations": rows} for id_, rows in truth.items()}}))
    alone = score_segments(database, file, resamples=0)
    assert {name: score.value for name, score in alone.scores.items()} == values
