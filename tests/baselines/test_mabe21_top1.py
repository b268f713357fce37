"""The winner of MABe 2021: official weights give the official outputs; one training, many questions."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import places
import pytest
import toy

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")
pytest.importorskip("pytorch_optimizer", reason="pytorch_optimizer is in the extra `train`")

from baselines.contract import Data, Run, Sizes, State  # noqa: E402
from baselines.engine.joint import groups, smoothed_loss, soft_loss  # noqa: E402
from baselines.inputs import dyads  # noqa: E402
from baselines.models.mabe21_top1 import ALONE, TOP1, Top1, build  # noqa: E402
from baselines.runs.train import train  # noqa: E402
from bench.datasets import get_task  # noqa: E402
from bench.errors import DataError  # noqa: E402
from bench.recordings import Recording, Skeleton, one_hot  # noqa: E402
from bench.store import pull  # noqa: E402
from bench.submissions import read_entry  # noqa: E402
from bench.tasks import Task  # noqa: E402

GOLDEN = Path(os.environ.get("ETHOBENCH_GOLDEN", Path(__file__).parents[2].parent / "shared" / "golden"))
NETWORKS = sorted((GOLDEN / "networks").glob("mabe21top1_[0-9]*.npz"))
FEATURES = sorted((GOLDEN / "networks").glob("mabe21top1_features*.npz"))
WHERE = f"no such file in {GOLDEN}/networks: set ETHOBENCH_GOLDEN"
WALLS = (1020, 570)
NAMES = {
    "cpc.embedder.head.": "embedder.0.",
    "cpc.contexter.head.conv.": "contexter.0.",
    ".conv1.": ".first.",
    ".conv2.": ".second.",
    ".layer_norm1.": ".norm_first.",
    ".layer_norm2.": ".norm_second.",
    "cpc.projections": "projections",
    "head.embedding": "head.annotator",
    "head.ln.": "head.norm.",
    "head.logregs.": "head.last.",
    "head.residual.": "head.mix.",
}
"""Parts of an official name: what they are called here."""


def ours(official: str) -> str:
    for part in ("embedder", "contexter"):
        prefix = f"cpc.{part}.convolutions."
        if official.startswith(prefix):
            number, _, rest = official.removeprefix(prefix).partition(".")
            official = f"{part}.{int(number) + 1}.{rest}"
    for theirs, name in NAMES.items():
        official = official.replace(theirs, name)
    return official


@pytest.mark.skipif(not NETWORKS, reason=WHERE)
@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_official_weights_give_the_official_outputs_and_losses(path: Path) -> None:
    with np.load(path) as archive:
        golden = {name: archive[name] for name in archive.files}
    config = json.loads(str(golden["config"]))
    model = Top1(
        config["features"],
        config["annotators"],
        (4, *(2 for _ in range(config["extra_tasks"]))),
        blocks=config["embedder_blocks"],
        embedding=config["embedding"],
        context=config["context"],
        horizons=config["num_ahead"] // config["step"],
    )
    weights = {
        key.removeprefix("weight/"): value for key, value in golden.items() if key.startswith("weight/")
    }
    model.load_state_dict({ours(name): torch.from_numpy(value) for name, value in weights.items()})
    assert [model.before, model.after] == golden["output/crop_pre_post"].tolist()

    def near(value: torch.Tensor, name: str) -> None:
        torch.testing.assert_close(value, torch.from_numpy(golden[f"output/{name}"]), rtol=0, atol=1e-5)

    inputs = {
        name.removeprefix("input/"): torch.from_numpy(v) for name, v in golden.items() if name[:6] == "input/"
    }
    ahead = (inputs["from_timesteps"], inputs["valid_lengths"], config["step"])
    with torch.no_grad():
        embedded, context, logits, loss = model(
            inputs["x"].transpose(1, 2), inputs["extra"], inputs["annotators"], ahead
        )
    near(embedded.transpose(1, 2), "embedding")
    near(context.transpose(1, 2), "context")
    near(logits[0], "logits_task0")
    near(torch.stack(logits[1:]), "logits_extra_tasks")
    assert float(loss) == pytest.approx(float(golden["output/cpc_loss"]), rel=1e-5)
    known = inputs["ce_labels"] >= 0
    said, labels = inputs["ce_logits"][known], inputs["ce_labels"][known]
    own, prior = inputs["ce_class_weights"], inputs["ce_prior"]
    losses = {
        "weighted_smoothed_to_prior": smoothed_loss(said, labels, own, prior, config["smoothing"]),
        # without smoothing the official code divides by the weights
        "weighted_unsmoothed": smoothed_loss(said, labels, own, prior, 0.0) / own[labels].mean(),
        "soft_targets": soft_loss(inputs["ce_logits"], inputs["ce_soft"], torch.ones(4)),
    }
    for name, value in losses.items():
        assert float(value) == pytest.approx(float(golden[f"output/ce_{name}"]), rel=1e-5), name


@pytest.mark.skipif(not FEATURES, reason=WHERE)
@pytest.mark.parametrize("path", FEATURES, ids=lambda path: path.stem)
def test_features_are_the_official_ones(path: Path) -> None:
    with np.load(path) as golden:
        xy = golden["input/keypoints_frames_mouse_xy_point"].transpose(0, 1, 3, 2)
        made = dyads.features(xy, neck=3, tail=6)
        np.testing.assert_allclose(made, golden["output/features_37"], rtol=1e-6, atol=1e-5)
        np.testing.assert_allclose(
            dyads.when_and_where(xy, 3, 6, WALLS), golden["output/extra_4"], atol=1e-12
        )
        np.testing.assert_allclose(
            dyads.log_distances(xy), golden["output/log_pair_distances_91"], atol=1e-12
        )


def test_the_sizes_are_the_published_ones() -> None:
    mice = Skeleton(("a", "b"), ("nose", "le", "re", "neck", "lh", "rh", "tail"), (), (1024, 570))
    sizes = Sizes(mice, (4, 4, 4, 4, 4, 4, 2, 2, 2, 2, 2, 2, 2))
    assert groups(sizes.classes) == (6, (4, 2, 2, 2, 2, 2, 2, 2))
    with torch.device("meta"):
        counts = [
            sum(p.numel() for p in build(replace(TOP1.recipe, blocks=blocks), sizes).parameters())
            for blocks in (8, 3)
        ]
    assert [round(count / 1e6, 2) for count in counts] == [14.74, 14.25]


RECIPE = replace(
    ALONE.recipe, epochs=2, batch=6, size=16, ahead=32, step=8, blocks=1, embedding=6, context=5, components=3
)
FIRST, SECOND = places.question(key="toy/all"), places.question(key="toy/other")
BEHAVIOUR = replace(places.question(key="more/rest"), classes=("rest",), exclusive=False)
TRAIN = {
    FIRST.key: [places.recording("a", 211, 1), places.recording("b", 157, 2)],
    SECOND.key: [places.recording("c", 143, 3)],
    BEHAVIOUR.key: [places.recording("e", 101, 5)],
}


def run_of(*questions: object, seed: int = 3) -> Run:
    return places.run(ALONE, *questions, recipe=RECIPE, seed=seed)


def learned(folder: Path, run: Run, unlabelled: tuple = ()) -> State:
    folder.mkdir()
    return ALONE.learn(run, Data(TRAIN, {}, unlabelled), places.Place(folder / "state.pt"))


def test_one_training_answers_several_questions(tmp_path: Path) -> None:
    run = run_of(FIRST, SECOND, BEHAVIOUR)
    blind = places.recording("d", 97, 4).without_labels()
    state = learned(tmp_path / "one", run, (blind,))
    restored = ALONE.restore(run, state, places.Place(tmp_path / "none.pt"))
    answers = [next(iter(restored([blind], question))) for question in run.questions]
    assert [one.shape for one in answers] == [(97, 3), (97, 3), (97, 1)]
    np.testing.assert_allclose(answers[0].sum(axis=1), 1, atol=1e-5)
    assert not np.allclose(answers[0], answers[1], atol=1e-7), "annotators differ"
    assert places.same(state, learned(tmp_path / "again", run, (blind,)))
    assert not places.same(state, learned(tmp_path / "without", run))


def test_a_recording_shorter_than_a_crop_trains_and_is_answered(tmp_path: Path) -> None:
    run, short = run_of(FIRST), places.recording("s", 13, 8)
    state = ALONE.learn(run, Data({FIRST.key: [short]}, {}), places.Place(tmp_path / "state.pt"))
    (made,) = ALONE.restore(run, state, places.Place(tmp_path / "none.pt"))([short.without_labels()], FIRST)
    assert made.shape == (13, 3)
    assert np.isfinite(made).all()


def test_a_recording_of_one_frame_has_a_row() -> None:
    xy = np.random.default_rng(0).normal(100, 9, (1, 2, 7, 2))
    made = dyads.from_the_second(dyads.features(xy, neck=3, tail=6))
    assert made.shape == (1, dyads.width(7))
    assert not made.any()


def test_without_a_label_nothing_trains(tmp_path: Path) -> None:
    blind = places.recording("a", 60, 1).without_labels()
    with pytest.raises(DataError) as caught:
        ALONE.learn(run_of(FIRST), Data({FIRST.key: [blind]}, {}), places.Place(tmp_path / "state.pt"))
    assert "no annotated frame" in caught.value.problems[0]


def test_all_of_a_label_can_be_spread_and_binary_losses_are_two_of_two_classes() -> None:
    logits = torch.tensor([[0.4, -1.1, 2.0], [1.5, 0.3, -0.2]])
    prior, even = torch.tensor([0.2, 0.5, 0.3]), torch.ones(3)
    one, other = (smoothed_loss(logits, torch.tensor(rows), even, prior, 1.0) for rows in ([0, 1], [2, 2]))
    assert float(one) == pytest.approx(float(other))
    truth = torch.tensor([[True, False, True], [False, False, True]])
    both = smoothed_loss(logits, truth, torch.ones(2, 3), prior, 0.0)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth.float())
    assert float(both) == pytest.approx(float(expected))


def test_the_challenge_is_learned_at_once_and_says_so() -> None:
    assert TOP1.serves == TOP1.tasks == ("calms21-task1", "calms21-task2", "calms21-task3")
    assert TOP1.unlabelled == ("test",)
    assert not TOP1.causal


def stored(name: str) -> Task:
    """Store small recordings under all ids of an official task; classes differ by place."""
    task = get_task(name)
    split, dataset = task.load_split(), task.dataset
    ids = sorted({i for part in split.parts for subset in ("train", "test") for i in split.ids(part, subset)})

    def read(_: Path) -> Iterator[Recording]:
        for number, id_ in enumerate(ids):
            rng, frames = np.random.default_rng(number), 9 + number % 5
            label = rng.integers(0, len(dataset.classes), frames)
            keypoints = rng.normal(200, 9, (frames, 2, 7, 2)) + 70 * label[:, None, None, None]
            yield Recording(
                id=id_,
                group=id_,
                fps=dataset.fps,
                classes=dataset.classes,
                labels=one_hot(label, len(dataset.classes)),
                annotated=np.ones(frames, dtype=bool),
                keypoints=keypoints.astype(np.float32),
            )

    pull(replace(toy.DATASET, name=dataset.name, classes=dataset.classes, read=read), Path())
    return task


@pytest.mark.slow
def test_one_training_serves_all_tasks_of_the_challenge(bench_home: Path, tmp_path: Path) -> None:
    tasks = [stored(name) for name in TOP1.serves]
    light = replace(TOP1, recipe=replace(RECIPE, batch=16, epochs=1))
    for task in tasks[:2]:
        path = train(light, task, seed=1, device="cpu", out=tmp_path / task.name)
        with np.load(path) as answers:
            parts = {name.partition("/")[0] for name in answers.files}
        assert parts == {part.name for part in task.parts}
    states = list((bench_home / "pretrained").glob("*.safetensors"))
    assert len(states) == 1, "it has learned once"
    card = read_entry(tmp_path / tasks[1].name).tasks[tasks[1].name]
    assert "the test recordings, without labels" in card.extra_data
    assert not list((bench_home / "derived").glob("*"))
