"""BAMS: the official weights give the official embeddings, predictions and losses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import places
import pytest
import toy

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from baselines.contract import Data, Derived, State  # noqa: E402
from baselines.extractors.bams import (  # noqa: E402
    BAMS,
    BAMS_AS_RELEASED,
    BAMS_INTENDED,
    histogram_loss,
    tiled,
    view_loss,
)
from baselines.inputs.actions import UNKNOWN, changes, limits, quantised, released, to_come  # noqa: E402
from baselines.models import get_baseline  # noqa: E402
from bench.recordings import Recording  # noqa: E402
from bench.store import pull  # noqa: E402

GOLDEN = Path(os.environ.get("ETHOBENCH_GOLDEN", Path(__file__).parents[2].parent / "shared" / "golden"))
NETWORKS = sorted((GOLDEN / "networks").glob("bams_[0-9]*.npz"))
TARGETS = sorted((GOLDEN / "networks").glob("bams_keypoint_targets*.npz"))
WHERE = f"no such file in {GOLDEN}/networks: set ETHOBENCH_GOLDEN"
TRAIN = [places.recording(id_, frames, seed) for id_, frames, seed in (("a", 211, 1), ("b", 157, 2))]
ASKED = places.question("features")
RECIPE = replace(
    BAMS_INTENDED.recipe, epochs=2, batch=2, size=150, short=(7, 5), long=(6, 7), skip=40, skip_short=9
)
# parts of an official name: what they are called here
NAMES = {
    "encoders.short_term.network": "short.blocks",
    "encoders.long_term.network": "long.blocks",
    "byol_predictors.short_term": "byol_short",
    "byol_predictors.long_term": "byol_long",
    "predictor.layers": "predictor",
    ".conv1.": ".first.",
    ".conv2.bias": ".second.bias",
    ".conv2.weight_g": ".second.parametrizations.weight.original0",
    ".conv2.weight_v": ".second.parametrizations.weight.original1",
    ".downsample.": ".skip.",
    ".relu1.": ".act_first.",
    ".relu2.": ".act_second.",
    ".relu.": ".act_sum.",
}
HEADS = {".0.": ".first.", ".1.": ".norm.", ".3.": ".last."}


def ours(official: str) -> str:
    name = official
    for theirs, own in NAMES.items():
        name = name.replace(theirs, own)
    if name.startswith("byol"):
        for theirs, own in HEADS.items():
            name = name.replace(theirs, own)
    return name


def read(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Return the arrays of a golden file, and its settings."""
    with np.load(path) as archive:
        golden = {name: archive[name] for name in archive.files}
    return golden, json.loads(str(golden["config"]))


def build(golden: dict[str, np.ndarray], config: dict) -> BAMS:
    sizes = (
        config["input"],
        config["targets"],
        tuple(config["short"]),
        tuple(config["long"]),
        config["bins"],
    )
    model = BAMS(*sizes, predictor=tuple(config["predictor"]), dropout=0.0)
    weights = {
        key.removeprefix("weight/"): value for key, value in golden.items() if key.startswith("weight/")
    }
    weights = {name: value for name, value in weights.items() if ".net." not in name}  # held twice
    values = {ours(name): torch.from_numpy(value) for name, value in weights.items()}
    model.load_state_dict(values | {"scale": model.scale})
    return model


@pytest.mark.skipif(not NETWORKS, reason=WHERE)
@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_official_weights_give_the_official_outputs_and_losses(path: Path) -> None:
    golden, config = read(path)
    model = build(golden, config)
    assert sum(p.numel() for p in model.parameters()) == config["parameters"]

    def near(value: torch.Tensor, name: str) -> None:
        torch.testing.assert_close(value, torch.from_numpy(golden[f"output/{name}"]), rtol=0, atol=1e-5)

    x = torch.from_numpy(golden["input/x"])
    with torch.no_grad():
        short, long, logits, view_short, view_long = model.eval()(x)
        near(model.embed(x), "representation")
        for value, name in ((short, "short_eval"), (long, "long_eval"), (logits.flatten(2), "hoa_eval")):
            near(value, name)
        near(view_short, "byol_short_eval")
        near(view_long, "byol_long_eval")
        short, long, logits, view_short, view_long = model.train()(x)
        near(view_short, "byol_short_train")
        near(view_long, "byol_long_train")
    for skip in (60, 100):
        counts = torch.from_numpy(1 - golden["input/ignore_weights"])
        counts[:, :skip] = 0
        loss = histogram_loss(
            logits, torch.from_numpy(golden["input/target_hist"]), tiled(counts, logits.shape[2])
        )
        assert float(loss) == pytest.approx(float(golden[f"output/hoa_loss_skip{skip}"]), rel=1e-5)
    every = torch.ones(len(x), dtype=torch.bool)
    for name, views, embeddings in (("short", view_short, short), ("long", view_long, long)):
        first, second = (torch.from_numpy(golden[f"input/{name}_view{i}"]) for i in (1, 2))
        loss = view_loss(views, embeddings, first, second, every)
        assert float(loss) == pytest.approx(float(golden[f"output/byol_loss_{name}"]), rel=1e-5)


@pytest.mark.skipif(not TARGETS, reason=WHERE)
@pytest.mark.parametrize("path", TARGETS, ids=lambda path: path.stem)
def test_targets_are_those_that_were_released_and_those_that_were_intended(path: Path) -> None:
    golden, config = read(path)
    bins, window = config["bins"], config["window"]
    poses = np.nan_to_num(golden["input/keypoints_nan_ok"])
    moved = [changes(one, as_released=True) for one in poses]
    together = np.concatenate([poses, np.stack(moved)], axis=2)
    scaled = together / np.abs(together).max(axis=(0, 1))
    np.testing.assert_allclose(scaled, golden["output/input_feats"], atol=1e-12)
    edges = limits(moved, bins)
    scaled = np.stack(moved) / np.abs(edges[:, [0, -1]]).max(axis=1)
    np.testing.assert_allclose(scaled, golden["output/target_feats"], atol=1e-12)
    numbers = np.stack([quantised(one, edges) for one in moved])
    np.testing.assert_array_equal(numbers, golden["output/quantized"])
    one = torch.from_numpy(numbers[1:2])
    histograms, _ = to_come(one, bins, window)
    expected = golden["output/future_target_hist_of_sequence_1_intended"]
    np.testing.assert_allclose(histograms[0], expected, atol=1e-6)
    histograms, weights = released(one, bins, window)
    np.testing.assert_allclose(histograms[0], golden["output/released_target_hist_of_sequence_1"], atol=1e-6)
    np.testing.assert_allclose(weights[0], golden["output/released_ignore_weights_second_read"], atol=1e-6)
    unseen = golden["output/ignore_frames_before_any_read"][1]
    one[0, unseen] = UNKNOWN
    _, shares = to_come(one, bins, window)
    expected = np.broadcast_to(golden["output/released_ignore_weights_first_read"][:, None], shares[0].shape)
    np.testing.assert_allclose(shares[0], expected, atol=1e-6)


def learned(folder: Path, recordings: list[Recording], seed: int = 3, **changed: object) -> State:
    run = places.run(BAMS_INTENDED, ASKED, recipe=replace(RECIPE, **changed), seed=seed)
    return BAMS_INTENDED.learn(run, Data({"toy/all": recordings}, {}), places.Place(folder / "state.pt"))


def features(folder: Path, state: State, recording: Recording) -> Derived:
    run = places.run(BAMS_INTENDED, ASKED, recipe=RECIPE)
    (made,) = BAMS_INTENDED.restore(run, state, places.Place(folder / "none.pt"))([recording], ASKED)
    return made


def test_a_row_of_features_for_every_frame_that_depends_on_no_later_one(tmp_path: Path) -> None:
    state = learned(tmp_path, TRAIN)
    one = places.recording("d", 97, 4).without_labels()
    later = one.keypoints.copy()
    later[60:] += 31
    made = features(tmp_path, state, one)
    assert made.values.shape == (97, 12)
    assert made.values.dtype == np.float32
    np.testing.assert_array_equal(made.at(97, places.FPS), made.values)
    np.testing.assert_array_equal(made.at(50, places.FPS / 2)[:48], made.values[:96:2])
    other = features(tmp_path, state, replace(one, keypoints=later))
    np.testing.assert_allclose(made.values[:60], other.values[:60], atol=1e-6)
    assert (np.abs(made.values - other.values)[60:].max(axis=1) > 1e-6).all()
    assert BAMS_INTENDED.causal
    assert not BAMS_AS_RELEASED.causal


def test_labels_change_nothing_and_the_same_seed_gives_the_same_numbers(tmp_path: Path) -> None:
    states = []
    for number, recordings in enumerate((TRAIN, [one.without_labels() for one in TRAIN])):
        folder = tmp_path / str(number)
        folder.mkdir()
        states.append(learned(folder, recordings))
    assert places.same(*states)
    folder.joinpath("state.pt").unlink()
    assert not places.same(states[0], learned(folder, TRAIN, seed=4))
    folder.joinpath("state.pt").unlink()
    assert not places.same(states[0], learned(folder, TRAIN, targets="as_released"))


def test_a_known_histogram_costs_nothing_and_an_unknown_one_does_not_count() -> None:
    numbers = torch.full((1, 9, 2), 3)
    numbers[0, 4:, 1] = UNKNOWN
    targets, shares = to_come(numbers, bins=5, horizon=2)
    assert shares[0, :, 0].tolist() == [1.0] * 7 + [0.5, 0.0]
    assert shares[0, :, 1].tolist() == [1.0, 1.0, 0.5] + [0.0] * 6
    logits = torch.zeros(1, 9, 2, 5)
    logits[..., 3] = 50.0
    sure = (shares == 1).float()
    assert float(histogram_loss(logits, targets, sure)) == pytest.approx(0, abs=1e-9)
    assert float(histogram_loss(-logits, targets, sure)) > 0.05
    assert float(histogram_loss(logits, targets, torch.zeros(1, 9, 2))) == 0


@pytest.mark.parametrize("name", ["bams", "bams_kmeans"])
def test_a_head_learns_on_features_of_the_same_recordings(name: str, store: Path, tmp_path: Path) -> None:
    asked = toy.task() if name == "bams" else replace(toy.task(), kind="clusters")
    path = toy.run(tmp_path / "out", get_baseline(name), asked, epochs=1)
    assert path.is_file()


KILLED = """
import sys
from pathlib import Path
import toy
from baselines.models import get_baseline
toy.run(Path(sys.argv[1]), get_baseline("bams"), epochs=5)
"""


@pytest.mark.slow
def test_killed_while_features_are_learned_the_same_command_ends_as_if_undisturbed(
    bench_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for name in ("killed", "whole"):
        home = tmp_path / name
        monkeypatch.setenv("BENCH_HOME", str(home))
        pull(toy.DATASET, Path())
        if name == "killed":
            places_ = os.pathsep.join([str(Path(toy.__file__).parent), *sys.path])
            command = [sys.executable, "-c", KILLED, str(tmp_path / "out-killed")]
            process = subprocess.Popen(
                command, env={**os.environ, "PYTHONPATH": places_}, stderr=subprocess.PIPE
            )
            while process.poll() is None and not list((home / "pretrained").glob("*.pt")):
                time.sleep(0.01)
            process.kill()
            process.communicate()
            assert process.returncode == -signal.SIGKILL, "it ended before it was killed"
            assert not list((home / "pretrained").glob("*.safetensors"))
        path = toy.run(tmp_path / f"out-{name}", get_baseline("bams"), epochs=5)
        found = sorted((home / "derived").rglob("*.safetensors"))
        made.append(([one.read_bytes() for one in found], path.read_bytes()))
    assert made[0][0]
    assert made[0] == made[1]
