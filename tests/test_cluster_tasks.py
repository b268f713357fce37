"""A task of kind clusters from end to end: naming by the training recordings, evaluation, the commands."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics
from click.testing import CliRunner

from bench import store
from bench.cli import cli
from bench.datasets import get_task
from bench.errors import DataError
from bench.evaluation import cut, evaluate, truth_digest
from bench.evaluation.compare import compare
from bench.kinds import CLUSTERS
from bench.metrics import NAMED_CLUSTER_METRICS
from bench.recordings import Recording
from bench.results import canonical, to_json
from bench.scoring import score_clusters, score_frames
from bench.splits import Split
from bench.submissions import predictions_digest, write_clusters
from bench.tasks import NAMED_IN_TRAINING, Part, Task
from tests.made_up import read
from tests.toys import CARD, FEW, FRAMES, recordings
from tests.toys import task as frame_task

TRAIN = ("m1", "m2")
TEST = ("m3", "m4", "m5", "m6", "m7")
Ids = dict[str, np.ndarray]


def task(parts: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] | None = None) -> Task:
    """Ask for clusters of the toy recordings: part -> its training and its test recordings."""
    parts = parts or {"all": (TRAIN, TEST)}
    split = Split(
        name="toy",
        source="own",
        rule="by hand",
        parts={
            part: {"train": {id_: (id_,) for id_ in train}, "test": {id_: (id_,) for id_ in test}}
            for part, (train, test) in parts.items()
        },
    )
    return replace(
        frame_task(),
        kind="clusters",
        metrics=NAMED_CLUSTER_METRICS,
        protocol=NAMED_IN_TRAINING,
        split=split,
        parts=tuple(Part(part, part) for part in parts),
    )


def clusters(truth: dict[str, Recording], seed: int, noise: float = 0.3) -> Ids:
    """Draw two clusters per class, some of them wrong; their numbers are not those of the classes."""
    rng = np.random.default_rng(seed)
    drawn = {}
    for id_, recording in truth.items():
        label = recording.labels.argmax(axis=1)
        wrong = rng.random(len(label)) < noise
        label = np.where(wrong, rng.integers(0, 3, len(label)), label)
        drawn[id_] = 17 - 5 * label + 100 * rng.integers(0, 2, len(label))
    return drawn


def with_gap(truth: dict[str, Recording]) -> dict[str, Recording]:
    """Return the recordings with frames that nobody annotated, in training and in test."""
    made = dict(truth)
    for id_, gap in (("m2", slice(20, 41)), ("m5", slice(60, 77))):
        annotated, labels = truth[id_].annotated.copy(), truth[id_].labels.copy()
        annotated[gap], labels[gap] = False, False
        made[id_] = replace(truth[id_], annotated=annotated, labels=labels)
    return made


def named(truth: dict[str, Recording], ids: Ids) -> dict[str, np.ndarray]:
    """Map the clusters of the test recordings frame by frame, as the protocol says in words."""
    votes: dict[int, Counter[int]] = {}
    every: Counter[int] = Counter()
    for id_ in TRAIN:
        for row, cluster, counts in zip(truth[id_].labels, ids[id_], truth[id_].annotated, strict=True):
            if counts:
                votes.setdefault(int(cluster), Counter())[int(row.argmax())] += 1
                every[int(row.argmax())] += 1

    def winner(counter: Counter[int]) -> int:
        return min(counter, key=lambda label: (-counter[label], label))

    return {id_: np.array([winner(votes.get(int(cluster), every)) for cluster in ids[id_]]) for id_ in TEST}


def index(truth: dict[str, Recording], ids: tuple[str, ...]) -> dict[str, np.ndarray]:
    return {id_: np.where(truth[id_].annotated, truth[id_].labels.argmax(axis=1), -1) for id_ in ids}


# --- Evaluation --------------------------------------------------------------------------------------------


def test_f1_is_that_of_the_labels_that_training_gives() -> None:
    truth = with_gap(recordings())
    ids = clusters(truth, 1)
    ids["m4"][5:9] = 3  # no training frame has this cluster
    result = evaluate(task(), CARD, {"seed0": {"all": ids}}, truth)
    labels = {id_: np.eye(3, dtype=np.float32)[label] for id_, label in named(truth, ids).items()}
    alone = score_frames(index(truth, TEST), labels, task().classes, background="other")
    got, expected = result.scores["f1"], alone.scores["f1"]
    assert (got.value, got.low, got.high) == (expected.value, expected.low, expected.high)
    assert got.per_class == expected.per_class
    assert 0.3 < got.value < 1
    assert (result.frames, result.recordings, result.groups) == (sum(FRAMES[id_] for id_ in TEST) - 17, 5, 5)
    assert result.support == alone.support


@pytest.mark.slow
def test_the_others_are_those_of_score_clusters_and_of_scikit_learn() -> None:
    truth = with_gap(recordings())
    ids = clusters(truth, 2)
    result = evaluate(task(), CARD, {"seed0": {"all": ids}}, truth)
    tested = index(truth, TEST)
    alone = score_clusters(tested, {id_: ids[id_] for id_ in TEST}, task().classes, background="other")
    for name in ("cluster_ami", "cluster_homogeneity", "cluster_completeness"):
        got, expected = result.scores[name], alone.scores[name]
        assert (got.value, got.low, got.high) == (expected.value, expected.low, expected.high)
    counted = np.concatenate([tested[id_] >= 0 for id_ in TEST])
    y, k = (np.concatenate([of[id_] for id_ in TEST])[counted] for of in (tested, ids))
    ami = sklearn.metrics.adjusted_mutual_info_score(y, k)
    assert result.scores["cluster_ami"].value == pytest.approx(ami, abs=1e-10)


def test_the_labels_of_the_test_recordings_name_no_cluster() -> None:
    """Clusters that are the classes in test, and the wrong way round in training, are all wrong."""
    truth = recordings()
    order = np.array([1, 2, 0])
    ids = {
        id_: (order[label] if id_ in TRAIN else label)
        for id_, label in ((id_, r.labels.argmax(axis=1)) for id_, r in truth.items())
    }
    result = evaluate(task(), CARD, {"seed0": {"all": ids}}, truth, resamples=FEW)
    assert result.scores["f1"].value == 0
    assert result.scores["cluster_ami"].value == pytest.approx(1)


def test_numbers_of_clusters_mean_nothing_and_change_the_digest_of_the_predictions() -> None:
    truth = recordings()
    ids = clusters(truth, 3)
    renamed = {id_: 7 - 2 * array for id_, array in ids.items()}
    first, second = (
        evaluate(task(), CARD, {"seed0": {"all": of}}, truth, resamples=100) for of in (ids, renamed)
    )
    assert canonical(to_json(first)["scores"]["f1"]) == canonical(to_json(second)["scores"]["f1"])
    for name, score in first.scores.items():  # information adds up in the order of the clusters
        assert second.scores[name].value == pytest.approx(score.value, abs=1e-12)
    confusions = [of.details["parts"]["all"]["confusion"] for of in (first, second)]
    assert confusions[0] == confusions[1]
    assert first.predictions_digest != second.predictions_digest
    assert first.truth_digest == second.truth_digest


def test_the_training_recordings_are_part_of_what_was_compared() -> None:
    truth = recordings()
    ids = clusters(truth, 4)
    digest = predictions_digest(CLUSTERS, {"seed0": {"all": ids}})
    other = {**ids, "m1": ids["m1"] + 1}
    assert predictions_digest(CLUSTERS, {"seed0": {"all": other}}) != digest
    asked = task()
    before = truth_digest(asked, cut(asked, asked.load_split(), truth))
    labels = truth["m1"].labels[:, [1, 0, 2]]
    changed = {**truth, "m1": replace(truth["m1"], labels=labels)}
    assert truth_digest(asked, cut(asked, asked.load_split(), changed)) != before


def test_every_part_is_named_by_its_own_training_recordings() -> None:
    truth = recordings()
    ids = clusters(truth, 5)
    parts = {"a": (("m1",), ("m2", "m3", "m4")), "b": (("m2",), ("m5", "m6", "m7", "m1"))}
    predictions = {
        part: {id_: ids[id_] + 1000 * (part == "b") for id_ in (*train, *test)}
        for part, (train, test) in parts.items()
    }
    whole = evaluate(task(parts), CARD, {"seed0": predictions}, truth, resamples=FEW)
    alone = [
        evaluate(task({part: of}), CARD, {"seed0": {part: predictions[part]}}, truth, resamples=FEW)
        .scores["f1"]
        .value
        for part, of in parts.items()
    ]
    assert [score.value for score in whole.scores["f1"].per_part.values()] == alone
    assert whole.scores["f1"].value == pytest.approx(np.mean(alone), abs=1e-12)


def test_differences_are_those_of_the_two_results() -> None:
    truth = recordings()
    one, other = ({"seed0": {"all": clusters(truth, 6, noise)}} for noise in (0.1, 0.5))
    results = [evaluate(task(), CARD, entry, truth, resamples=FEW) for entry in (one, other)]
    rows = compare(task(), one, other, truth)
    assert [row.metric for row in rows] == [metric.name for metric in NAMED_CLUSTER_METRICS]
    for row in rows:
        assert (row.first, row.second) == tuple(result.scores[row.metric].value for result in results)
    assert rows[0].difference > 0


def test_training_recordings_in_which_nothing_counts_are_refused() -> None:
    truth = recordings()
    for id_ in TRAIN:
        empty = np.zeros_like(truth[id_].labels)
        truth[id_] = replace(truth[id_], labels=empty, annotated=empty.any(axis=1))
    with pytest.raises(DataError, match="train"):
        evaluate(task(), CARD, {"seed0": {"all": clusters(truth, 7)}}, truth)


# --- From end to end ---------------------------------------------------------------------------------------


def bench(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli, list(arguments), catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


def whole_path(of: Task, folder: Path) -> None:
    """Go the way of a user: start, write, validate, evaluate, explain, compare, publish; score it too."""
    split = of.load_split()
    subsets = {subset: split.ids("all", subset) for subset in ("train", "test")}
    asked = [*subsets["train"], *subsets["test"]]
    truth = {r.id: r for r in store.load(of.dataset, asked, poses=False)}
    first, second = folder / "submissions" / "first", folder / "submissions" / "second"
    drawn = {first: clusters_of(of, truth, 0.2), second: clusters_of(of, truth, 0.6)}
    place = str(folder / "results")
    for submission, ids in drawn.items():
        assert f"<run>.npz, then bench validate {submission}" in bench(
            "new", str(submission), "--task", of.name
        )
        assert "bench.write_run" in (submission / "README.md").read_text()
        write_clusters(submission, of, "seed0", {"all": ids})
        assert f"1 run(s) of {len(asked)} recordings, 7 clusters" in bench("validate", str(submission))
        assert "Adjusted mutual information" in bench("evaluate", str(submission), "--results", place)
    result = read(folder / "results" / f"{of.name}--first.json")
    assert result.recordings == len(subsets["test"])
    np.savez(folder / "truth.npz", **{id_: of.truth(truth[id_]).argmax(axis=1) for id_ in subsets["test"]})
    np.savez(folder / "ids.npz", **{id_: drawn[first][id_] for id_ in subsets["test"]})
    files = (str(folder / "truth.npz"), str(folder / "ids.npz"))
    scored = json.loads(bench("score", "clusters", *files, "--json"))
    for name in ("cluster_ami", "cluster_homogeneity", "cluster_completeness"):
        assert scored["scores"][name]["value"] == result.scores[name].value
    explained = bench("explain", of.name, "first", "--results", place)
    assert "frames given to" in explained
    assert "recordings, the hardest first" in explained or "hardest of" in explained
    compared = bench("compare", str(first), str(second), "--task", of.name)
    assert "Completeness" in compared
    bench("publish", "--results", place, "--out", str(folder / "site"))
    page = (folder / "site" / f"{of.name}.html").read_text()
    assert "a cluster stands for the class" in page
    assert (folder / "site" / f"{of.name}--first.html").is_file()


def clusters_of(of: Task, truth: dict[str, Recording], noise: float) -> Ids:
    rng = np.random.default_rng(0)
    ids = {}
    for id_, recording in truth.items():
        label = of.truth(recording).argmax(axis=1)
        ids[id_] = np.where(rng.random(len(label)) < noise, rng.integers(0, 7, len(label)), label)
    return ids


@pytest.mark.slow
def test_on_simulated_recordings(bench_home: Path, tmp_path: Path) -> None:
    demo = get_task("demo-clusters")
    store.pull_simulated(demo.dataset)
    whole_path(demo, tmp_path)


@pytest.mark.slow
def test_on_the_real_rat_dyads(bench_home: Path, real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "rat-dyads"
    if not folder.is_dir():
        pytest.skip(f"no rat dyads in {real_data}")
    real = get_task("rat-dyads-clusters")
    frames = get_task("rat-dyads")
    assert (real.split, real.classes, real.dataset) == (frames.split, frames.classes, frames.dataset)
    store.pull(real.dataset, folder, [real])
    whole_path(real, tmp_path)
