"""Every baseline of the list, on a tiny demo: it trains, predicts every frame, and says what it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import places
import pytest
from places import light

from baselines import models
from baselines.contract import Baseline
from baselines.runs.check import is_causal
from baselines.runs.listing import every, rows, table
from baselines.runs.train import train
from bench.datasets import get_task
from bench.recordings import Detections, Recording
from bench.store import load, load_all, pull, pull_simulated
from bench.submissions import read_tasks
from bench.tasks import Task

pytest.importorskip("torch", reason="torch is in the extra `train`")
pytest.importorskip("sklearn", reason="scikit-learn is in the extra `train`")

TASK, FRAMES = "demo-6x150", 150
PARAMETERS = {  # at 28 inputs and 4 classes, as the papers and their code have them
    "prior": None,
    "gbdt": None,
    "stacked": None,
    "stacked_tcn": None,
    "stacked_causal": None,
    "single_frame": 189_564,
    "fc": 3_059_836,
    "lstm": 391_868,
    "self_attention": 51_868,
    "conv1d": 72_540,
    "conv1d_causal": 71_004,
    "conv1d_augmented": 71_004,
    "conv1d_treba": 93_084,
    "conv1d_treba_unlabelled": 93_084,
    "conv1d_treba_shipped": 93_084,
    "conv1d_treba_finetuned": 91_548,
    "conv1d_treba_shipped_finetuned": 91_548,
    "conv1d_finetuned": 71_004,
    "conv1d_finetuned_as_described": 71_004,
    "msgl": 285_892,
    "msgl_as_described": 269_060,
    "msgl_without_bam": 138_308,
    "msgl_without_msa": 235_844,
    "msgl_without_both": 88_260,
    "msgl_lstm": 57_604,
    "msgl_bilstm": 147_972,
    "msgl_tcn": 30_788,
    "msgl_tcn_plain": 30_788,
    "st_gcn": 3_071_284,
    "st_gcn_small": 55_348,
    "ms_g3d": 2_891_112,
    "ms_g3d_small": 173_712,
    "ms_g3d_8": 2_881_884,
    "ms_g3d_mabe21": 2_891_112,
    "ms_g3d_mabe21_tuned": 2_891_112,
    "ctr_gcn": 1_418_862,
    "ctr_gcn_small": 30_874,
    "stgat": 3_397_948,
    "stgat_small": 63_924,
    "hstwformer_described": 1_526_084,
    "hstwformer_described_small": 31_276,
    "mabe21_top1": 14_732_481,  # of one question; with all of the challenge 14,742,334
    "mabe21_top1_alone": 14_732_481,
    "dilated_tcn": 84_676,
    "anchor_free": 201_800,
    "clip_classifier": 48_964,
    "bams": 516,  # the linear layer alone; what learns the features has 1,195,102
    "bams_as_released": 516,
    "bams_kmeans": None,
    "actionformer": 27_654_156,
    "actionformer_small": 438_348,
    "raseformer": 27_654_156,
    "raseformer_small": 438_348,
    "raseformer_windows": 27_654_156,
    "raseformer_static_keynorm": 27_654_156,
    "raseformer_shared_topk": 27_654_156,
    "raseformer_static_keynorm_small": 438_348,
    "raseformer_shared_topk_small": 438_348,
    "handcrafted_probe": None,
    "simclr_handcrafted": None,
    "lookagain": 2_157_061,  # the encoder that is held fast left out, and that of pictures
    "lookagain_beit": 2_402_821,
    "lookagain_beit_random": 2_402_821,
    "lookagain_alone": 8_088_965,
    "lookagain_clusters": 1_966_849,
    "lookagain_small_clusters": 131_265,
    "lookagain_small": 141_957,
    "lookagain_small_alone": 383_589,
    "lookagain_keypoints": 132_356,  # the classifier alone; the encoder that it reads has 5,685,184
    "supervised_transformer": 3_331_332,
    "tadtr": 8_383_002,
    "tadtr_small": 549_338,
    "te_tad": 17_801_893,
    "te_tad_small": 1_087_717,
    "tridet": 14_342_964,
    "tridet_small": 236_756,
    "pose_kmeans": None,
}

WITH_VIDEO = (
    "simclr_handcrafted",
    "lookagain",
    "lookagain_beit",
    "lookagain_beit_random",
    "lookagain_alone",
    "lookagain_small",
    "lookagain_small_alone",
    "lookagain_clusters",
    "lookagain_small_clusters",
)
"""They look at videos, which their own tests make."""
VARIANTS = ("ms_g3d_8", "ms_g3d_mabe21")
"""Large networks that share their code with another one of the list."""


def anywhere(name: str) -> bool:
    """Whether a model learns from the recordings of any task alone."""
    return not (
        name in ("mabe21_top1", *WITH_VIDEO)
        or any(word in name for word in ("tuned", "unlabelled", "shipped"))
    )


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    """Store the recordings as they are, and with other labels in those that test."""
    dataset, tested = get_task(TASK).dataset, get_task(TASK).load_split().ids("all", "test")
    homes = [tmp_path_factory.mktemp("home") for _ in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_HOME", str(homes[0]))
        pull_simulated(dataset)
        made = list(load_all(dataset))
        places.lay_features(made)
        patch.setenv("BENCH_HOME", str(homes[1]))
        pull(replace(dataset, read=lambda _: turned(made, tested)), Path())
        places.lay_features(made)
    return homes


def turned(made: Sequence[Recording], tested: Sequence[str]) -> Iterator[Recording]:
    """Give the test recordings the next class in every frame."""
    for recording in made:
        labels = np.roll(recording.labels, 1, axis=1) if recording.id in tested else recording.labels
        yield replace(recording, labels=labels)


@dataclass(frozen=True)
class Trained:
    """A baseline and what it made of the recordings as they are."""

    baseline: Baseline
    epochs: int | None
    task: Task
    out: Path
    predictions: Path


@pytest.fixture(scope="module")
def trained(
    request: pytest.FixtureRequest, homes: Sequence[Path], tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    """Train the baseline of the test once for all tests."""
    baseline, epochs = light(models.get_baseline(request.param))
    task, out = asked(baseline, TASK), tmp_path_factory.mktemp("out") / request.param.replace("_", "-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_HOME", str(homes[0]))
        path = train(baseline, task, seed=2, device="cpu", out=out, epochs=epochs)
    return Trained(baseline, epochs, task, out, path)


def asked(baseline: Baseline, name: str) -> Task:
    """Return the demo of a size; its bouts, where a model answers segments alone."""
    task = get_task(name)
    if "frames" in baseline.answers or "clusters" in baseline.answers:
        return task
    classes = tuple(name for name in task.classes if name != task.background)
    return replace(task, kind="segments", exclusive=False, classes=classes, background=None)


@pytest.mark.slow
@pytest.mark.parametrize("trained", [name for name in PARAMETERS if anywhere(name)], indirect=True)
def test_it_trains_and_its_submission_is_valid(trained: Trained) -> None:
    baseline, task, out = trained.baseline, trained.task, trained.out
    name = baseline.name
    length = FRAMES if task.kind == "frames" else FRAMES / task.dataset.fps
    lengths = {"all": dict.fromkeys(task.load_split().ids("all", "test"), length)}
    entry, read = read_tasks(out, lambda _: task, lambda _: lengths)
    for answer in read[TASK]["seed2"]["all"].values():
        if isinstance(answer, Detections):
            assert len(answer.labels)
            continue
        assert answer.shape == (FRAMES, 4)
        np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-5)
        if name != "prior":
            assert len(np.unique(answer, axis=0)) > 1, "all frames get the same"
    card = entry.tasks[TASK]
    assert card.causal == is_causal(baseline)
    if any(need.model.endswith(":i3d_files") for need in baseline.needs):
        assert "video" in card.extra_data
    # bouts have a class less, and these networks have weights for each frame of its window
    if task.kind == "frames" and not name.startswith("hstwformer_described"):
        assert card.parameters == PARAMETERS[name]
    log = sorted((out / ".work" / TASK).glob("*.csv"))
    assert len(log) == (baseline.network is not None)
    if name.startswith("msgl"):
        assert "its end is repeated" in card.description


@pytest.mark.slow
@pytest.mark.parametrize(
    "trained",
    [name for name in PARAMETERS if anywhere(name) and name not in VARIANTS],
    indirect=True,
)
def test_no_label_of_a_test_recording_changes_what_it_says(
    trained: Trained, homes: Sequence[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    baseline, task = trained.baseline, trained.task
    tested, digests = task.load_split().ids("all", "test"), []
    for home in homes:
        monkeypatch.setenv("BENCH_HOME", str(home))
        digests.append([recording.truth_digest() for recording in load(task.dataset, tested, poses=False)])
    assert all(one != other for one, other in zip(*digests, strict=True)), "the labels are other ones"
    path = train(baseline, task, seed=2, device="cpu", out=tmp_path / "out", epochs=trained.epochs)
    assert path.read_bytes() == trained.predictions.read_bytes()


def test_the_listing_holds_every_baseline_with_its_published_size() -> None:
    listed = json.loads(json.dumps(rows(every())))
    assert {row["name"]: row["parameters"] for row in listed} == PARAMETERS
    seen = {row["name"]: (row["window"], row["causal"]) for row in listed}
    assert seen["conv1d"] == ([-200, 200], False)
    assert seen["conv1d_causal"] == ([-200, 0], True)
    assert seen["msgl_bilstm"] == ([-34, 0], True)
    assert seen["gbdt"] == (None, False)
    assert all(row["reference"] for row in listed)


def test_the_listing_counts_at_the_sizes_of_a_task() -> None:
    small = {row["name"]: row["parameters"] for row in rows(every(), get_task("rat-dyads"))}
    assert small["msgl"] == 285_892 - 8 * 64  # 20 coordinates instead of 28
    assert small["msgl_tcn"] < PARAMETERS["msgl_tcn"]
    without_poses = {row["name"]: row["parameters"] for row in rows(every(), get_task("ratseizure"))}
    assert {name: count for name, count in without_poses.items() if count} == {
        "actionformer": 27_669_526,
        "raseformer": 27_669_526,
        "raseformer_windows": 27_669_526,
        "raseformer_static_keynorm": 27_669_526,
        "raseformer_shared_topk": 27_669_526,
        "tridet": 14_389_074,
        "tadtr": 8_393_282,
        "te_tad": 17_817_313,
    }


def test_the_columns_of_the_table_stand_in_line() -> None:
    header, rule, *lines = table(every()).split("\n\n")[0].splitlines()
    assert len(lines) == len(every())
    gaps = [i for i, character in enumerate(rule) if character == " "]
    assert len(gaps) == 2 * 5
    for line in (header, *lines):
        assert all(line[i] == " " for i in gaps)
