"""Task programming: official weights give the official outputs; what it learns, and who reads it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import places
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from baselines.contract import Data, State  # noqa: E402
from baselines.extractors.shipped import SHIPPED  # noqa: E402
from baselines.extractors.trajectory_autoencoder import (  # noqa: E402
    TREBA,
    divergence,
    movements,
    one_hot,
    surprise,
)
from baselines.extractors.treba import TREBA_FEATURES  # noqa: E402
from baselines.inputs.augmentation import augment  # noqa: E402
from baselines.inputs.trajectories import Basis, Roles, classes, moved, programs, rebuilt, states  # noqa: E402
from baselines.recipes.windows import Augmentation  # noqa: E402
from bench.errors import DataError  # noqa: E402
from bench.recordings import Recording  # noqa: E402

GOLDEN = Path(os.environ.get("ETHOBENCH_GOLDEN", Path(__file__).parents[2].parent / "shared" / "golden"))
NETWORKS = sorted((GOLDEN / "networks").glob("treba_[0-9]*.npz"))
PROGRAMS = sorted((GOLDEN / "networks").glob("treba_states_programs*.npz"))
WHERE = f"no such file in {GOLDEN}/networks: set ETHOBENCH_GOLDEN"
IMAGE = (1024, 570)
SOCIAL = (2, 3)
"""The programs that the published code folds by an expression that is no angle: `% 2*pi`."""
NAMES = {
    "enc_birnn": "encoder.read",
    "enc_fc": "encoder.mix",
    "enc_mean": "encoder.mean",
    "enc_logvar": "encoder.log_variance",
    "dec_rnn": "decoder.remember",
    "dec_action_fc": "decoder.mix",
    "dec_action_mean": "decoder.mean",
    "dec_action_logvar": "decoder.log_variance",
}
"""Parts of an official name: what they are called here."""
GROUPS = {
    "label_approx_birnn": ("approximators", "read"),
    "label_approx_fc": ("approximators", "mix"),
    "label_decoder_fc_contrastive": ("spaces", ""),
}
TRAIN = [places.recording(id_, frames, seed) for id_, frames, seed in (("a", 211, 1), ("b", 157, 2))]
ASKED = places.question("features")
RECIPE = replace(TREBA_FEATURES.recipe, epochs=2, first=1, batch=8, hidden=6, features=4)


def ours(official: str) -> str:
    first, _, rest = official.partition(".")
    if first in NAMES:
        return f"{NAMES[first]}.{rest}"
    group, part = GROUPS[first]
    number, _, rest = rest.partition(".")
    return ".".join(word for word in (group, number, part, rest) if word)


@pytest.mark.skipif(not NETWORKS, reason=WHERE)
@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_official_weights_give_the_official_outputs_and_losses(path: Path) -> None:
    with np.load(path) as archive:
        golden = {name: archive[name] for name in archive.files}
    config = json.loads(str(golden["config"]))
    sizes = [config[name] for name in ("state", "programs", "z", "hidden", "rnn")]
    model = TREBA(*sizes).eval()
    assert sum(p.numel() for p in model.parameters()) == config["parameters"]
    weights = {
        key.removeprefix("weight/"): value for key, value in golden.items() if key.startswith("weight/")
    }
    values = {ours(name): torch.from_numpy(value) for name, value in weights.items()}
    model.load_state_dict(values | dict(model.named_buffers()))
    x = torch.from_numpy(golden["input/states_time_batch_dim"]).transpose(0, 1)
    told = torch.from_numpy(golden["input/labels_one_hot"]).argmax(dim=2)

    def near(value: torch.Tensor, name: str) -> None:
        torch.testing.assert_close(value, torch.from_numpy(golden[f"output/{name}"]), rtol=0, atol=1e-5)

    def equal(value: torch.Tensor, name: str) -> None:
        np.testing.assert_allclose(value.numpy(), golden[f"output/{name}"], rtol=1e-5)

    with torch.no_grad():
        near(model.encoder.read(movements(x))[0].transpose(0, 1), "hidden_states")
        mean, log_variance = model.encoder(x, one_hot(told))
        near(mean, "mean")
        near(log_variance, "logvar")
        near(divergence(mean, log_variance, free=False), "kl")
        near(divergence(mean, log_variance), "kl_free_bits")
        expected = model.decoder(x, mean)
        near(expected[0].transpose(0, 1), "action_means")
        near(expected[1].transpose(0, 1), "action_logvars")
        equal(surprise(x, expected), "nll_sum_with_z_equal_to_the_mean")
        rolled = model.decoder.roll_out(x[:, 0], mean, config["frames"])
        near(rolled.transpose(0, 1), "noiseless_rollout_states")
        equal(model.judged(rolled, told), "label_losses_on_the_noiseless_rollout")
        contrast = TREBA_FEATURES.recipe.contrast * model.contrast(mean, mean.flip(0), told)
        equal(contrast, "contrastive_losses_second_view_is_the_batch_reversed")


@pytest.mark.skipif(not PROGRAMS, reason=WHERE)
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_states_and_programs_are_the_official_ones(path: Path) -> None:
    with np.load(path) as archive:
        golden = {name: torch.from_numpy(archive[name]) for name in archive.files if archive[name].ndim}
    own, at = (
        Basis(golden["input/basis_components"], golden["input/basis_mean"]),
        Roles(nose=0, neck=3, tail=6),
    )
    x = states(golden["input/keypoints_seq_frame_mouse_point_xy"], own, at, IMAGE)
    torch.testing.assert_close(x, golden["output/states"], rtol=0, atol=1e-12)
    values = programs(rebuilt(x[:, :-1], own, IMAGE), at).T
    others = [number for number in range(10) if number not in SOCIAL]
    torch.testing.assert_close(values[others], golden["output/program_values"][others], rtol=0, atol=1e-4)
    found = classes(values.T, IMAGE).T
    assert torch.equal(found[others], golden["output/program_classes"][others])
    assert ((values[list(SOCIAL)] >= 0) & (values[list(SOCIAL)] <= np.pi)).all()


def test_the_sizes_are_the_published_ones() -> None:
    model = TREBA(18)

    def count(part: torch.nn.Module) -> int:
        return sum(weights.numel() for weights in part.parameters())

    parts = (model.encoder, model.decoder, model.spaces, model.approximators)
    assert [count(part) for part in parts] == [672_832, 379_428, 21_120, 6_494_750]


def test_one_animal_turned_towards_the_other_is_at_no_angle_to_it() -> None:
    xy = torch.zeros(1, 20, 2, 7, 2) + 100
    xy[0, :, 0, :, 0] += torch.linspace(60, 0, 7)  # from nose to tail, along x
    xy[0, :, 1, :, 0] += 300 + torch.linspace(60, 0, 7)  # further along x, turned away
    values = programs(xy, Roles(0, 3, 6))[0]
    assert values[2:4].tolist() == pytest.approx([0, np.pi], abs=1e-5)
    assert values[8:].tolist() == pytest.approx([0, 0], abs=1e-5)
    assert values[6:8].tolist() == pytest.approx([300, 240], abs=1e-3)
    assert values[[0, 1, 4, 5]].abs().max() < 1e-3


def test_moved_stretches_keep_their_shape_but_for_a_quarter_that_are_disturbed() -> None:
    torch.manual_seed(0)
    xy = 300 + 20 * torch.randn(400, 5, 2, 3, 2)

    def distances(points: torch.Tensor) -> torch.Tensor:
        flat = points.flatten(1, 3).double()
        return torch.cdist(flat, flat)

    other = moved(xy, (640, 600))
    same = (distances(other) - distances(xy)).abs().amax(dim=(1, 2)) < 1e-2
    assert 0.65 < same.float().mean() < 0.85
    assert ((other[same] >= -0.01) & (other[same] <= torch.tensor([640.01, 600.01]))).all()


def learned(folder: Path, recordings: list[Recording], seed: int = 3) -> State:
    run = places.run(TREBA_FEATURES, ASKED, recipe=RECIPE, seed=seed)
    return TREBA_FEATURES.learn(run, Data({"toy/all": recordings}, {}), places.Place(folder / f"{seed}.pt"))


def test_features_of_every_frame_without_labels_and_scaled_by_what_trained(tmp_path: Path) -> None:
    state = learned(tmp_path, TRAIN)
    run = places.run(TREBA_FEATURES, ASKED, recipe=RECIPE)
    restored = TREBA_FEATURES.restore(run, state, places.Place(tmp_path / "none.pt"))
    made = [one.values for one in restored([one.without_labels() for one in TRAIN], ASKED)]
    assert [one.shape for one in made] == [(211, 4), (157, 4)]
    together = np.concatenate(made)
    np.testing.assert_allclose(together.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(together.std(axis=0), 1, atol=1e-3)
    (tmp_path / "3.pt").unlink()
    assert places.same(state, learned(tmp_path, [one.without_labels() for one in TRAIN]))
    assert not places.same(state, learned(tmp_path, TRAIN, seed=4))


def test_other_than_two_animals_are_refused(tmp_path: Path) -> None:
    alone = replace(TRAIN[0], keypoints=TRAIN[0].keypoints[:, :1])
    with pytest.raises(DataError) as caught:
        learned(tmp_path, [alone])
    assert "a: 1, expected 2" in caught.value.problems[0]


def test_shipped_features_are_scaled_by_what_trains_and_asked_for_where_they_lack(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    one = replace(TRAIN[0], features=rng.normal(5, 3, (211, 32)).astype(np.float32))
    run = places.run(SHIPPED, ASKED)
    state = SHIPPED.learn(run, Data({"toy/all": [one]}, {}), places.Place(tmp_path / "none.pt"))
    (made,) = SHIPPED.restore(run, state, places.Place(tmp_path / "none.pt"))([one], ASKED)
    np.testing.assert_allclose(made.values.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(made.values.std(axis=0), 1, atol=1e-5)
    with pytest.raises(DataError) as caught:
        SHIPPED.learn(run, Data({"toy/all": [TRAIN[0]]}, {}), places.Place(tmp_path / "none.pt"))
    assert "a: none" in caught.value.problems[0]


def test_augmentation_leaves_features_alone() -> None:
    x = torch.rand(5, 3, 10)
    torch.manual_seed(1)
    both = augment(x, Augmentation(rotation=3.0, shift=0.2), poses=6)
    torch.manual_seed(1)
    alone = augment(x[..., :6].contiguous(), Augmentation(rotation=3.0, shift=0.2))
    assert torch.equal(both[..., 6:], x[..., 6:])
    assert torch.equal(both[..., :6], alone)
