"""One network that learns many questions at once, and from crops without labels beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn
from torch.optim import Optimizer

from baselines.contract import Baseline, Data, Predictor, Question, Run, Sizes, State, Workspace
from baselines.engine import devices, loop, losses, schedules, steps
from baselines.engine.settings import float32
from baselines.engine.states import arrays_of, loaded
from baselines.inputs import dyads
from baselines.inputs.scaling import moments
from baselines.inputs.sequences import UNKNOWN, Sequences, sequences
from baselines.inputs.trajectories import Roles, roles
from baselines.recipes.joint import Joint
from bench.errors import DataError
from bench.recordings import Recording, Skeleton

Network = Callable[[Joint, Sizes], Any]
"""Builds a network such as `models/mabe21_top1.py` describes."""
STREAM = 41  # apart from other draws of the same seed


@dataclass(frozen=True, eq=False)
class Batch:
    """B crops. The first ones have labels, question by question; the others are of any recording."""

    first: Int64[Tensor, " B"]
    """The row of the first frame of each crop."""
    lengths: Int64[Tensor, " B"]
    """How many of its frames are of the recording."""
    start: Int64[Tensor, " B"]
    """The frame that predictions begin at."""
    questions: tuple[int, ...]
    """Of the crops with labels."""


@dataclass(frozen=True, eq=False)
class Target:
    """What a question asks of the frames of its crops."""

    question: Question
    head: int
    annotator: int
    weights: losses.Weights
    """Of the classes."""
    prior: Float32[Tensor, " C"]
    """How often each class holds in training."""
    importance: float
    """Of its head in the loss."""

    def truth(self, rows: Int64[Tensor, " N"]) -> losses.Targets:
        """Return the class of each frame, or whether each class holds."""
        return _answers(rows, self.question)


@dataclass(frozen=True, eq=False)
class Scales:
    """What is made of features and distances before the network sees them, learned from all recordings."""

    mean: Float[np.ndarray, " F"]
    deviation: Float[np.ndarray, " F"]
    middle: Float[np.ndarray, " P"]
    """Of the logarithms of all distances."""
    axes: Float[np.ndarray, "D P"]
    """Their principal axes."""


def baseline(
    *,
    module: str,
    name: str,
    title: str,
    description: str,
    reference: str,
    recipe: Joint,
    network: Network,
    paper: str | None = None,
    serves: Literal["part"] | tuple[str, ...] = "part",
    unlabelled: Sequence[str] = (),
) -> Baseline:
    """Declare a network of this family; `module` is the `__name__` of the file."""
    return Baseline(
        model=f"{module}:{name}",
        name=name,
        title=title,
        description=description,
        reference=reference,
        paper=paper,
        recipe=recipe,
        reads=frozenset({"poses"}),
        answers=frozenset({"frames"}),
        learn=partial(learn, network),
        restore=partial(restore, network),
        network=network,
        serves=serves,
        tasks=() if serves == "part" else serves,
        unlabelled=tuple(unlabelled),
        libraries=("numpy", "torch", "pytorch_optimizer"),
        devices=frozenset({"cpu", "cuda"}),
        switches=frozenset({"precision", "tensorboard"}),
    )


def groups(classes: Sequence[int]) -> tuple[int, tuple[int, ...]]:
    """Return how many annotators share the first head, and the classes of each head.

    Questions with as many classes as the first one are the same question, of other annotators.
    """
    annotators = sum(count == classes[0] for count in classes)
    return annotators, (classes[0], *(count for count in classes if count != classes[0]))


def components(recipe: Joint, skeleton: Skeleton) -> int:
    """Return how many numbers stand for the distances of all points."""
    points = 2 * len(skeleton.keypoints)
    return min(recipe.components, points * (points - 1) // 2)


def learn(network: Network, run: Run, data: Data, workspace: Workspace) -> State:
    """Train on the recordings of all questions at once, and on those without labels.

    Raises `DataError` where no frame of a question can train, and what `loop.fit` raises.
    """
    recipe: Joint = run.recipe
    device = devices.own_device(run.device)
    labelled = [list(data.train[question.key]) for question in run.questions]
    truth = [
        [_targets(question, one) for one in recordings]
        for question, recordings in zip(run.questions, labelled, strict=True)
    ]
    targets = _questions(run, truth, device)
    every = [one for recordings in labelled for one in recordings] + list(data.unlabelled)
    rows = [one for own in truth for one in own]
    rows += [np.full(one.frames, UNKNOWN) for one in every[len(rows) :]]
    scales = _scales(run, every)
    with torch.random.fork_rng(devices=[]):  # for how far it sees; what learns is built after seeding
        reach = network(recipe, run.sizes)
    size = reach.before + recipe.size + recipe.ahead + reach.after
    laid_out = sequences([_rows(run, scales, one) for one in every], rows, size, device)
    fitted = loop.fit(
        lambda: network(recipe, run.sizes),
        partial(_batches, recipe, laid_out, [len(own) for own in labelled], reach.before),
        partial(_loss, recipe, laid_out, targets, reach.before),
        partial(optimiser, recipe),
        lambda epoch, done, _: schedules.warm_cosine(recipe.lr, 0, recipe.epochs, epoch - 1 + done),
        epochs=recipe.epochs,
        seed=run.seed,
        device=device,
        checkpoint=workspace.checkpoint,
        inputs=workspace.inputs,
        switches=run.switches,
        report=workspace.report,
    )
    arrays = {f"network/{name}": array for name, array in arrays_of(fitted.model.state_dict()).items()}
    return State(arrays | {f"scales/{name}": value for name, value in vars(scales).items()}, {})


def restore(network: Network, run: Run, state: State, workspace: Workspace) -> Predictor:  # noqa: ARG001
    """Return what predicts by this state."""
    own = {name.removeprefix("network/"): a for name, a in state.arrays.items() if name[:8] == "network/"}
    scales = Scales(*(state.arrays[f"scales/{name}"] for name in ("mean", "deviation", "middle", "axes")))
    with torch.random.fork_rng(devices=[]):  # what building draws is overwritten
        model = network(run.recipe, run.sizes)
    loaded(model, State(own, {})).to(torch.device(run.device)).eval()

    @torch.inference_mode()
    def labelled(recording: Recording, question: Question) -> Float32[np.ndarray, "T C"]:
        place = [one.key for one in run.questions].index(question.key)
        head, annotator = _place(run.sizes.classes, place)
        rows = torch.from_numpy(_rows(run, scales, recording)).to(torch.device(run.device))
        x = nn.functional.pad(rows[:, : -dyads.EXTRA], (0, 0, model.before, model.after))
        whose = torch.full((1, len(rows)), annotator, device=rows.device)
        with float32(), steps.precision(rows.device, run.switches):
            _, _, logits, _ = model(x[None], rows[None, :, -dyads.EXTRA :], whose)
        return losses.probabilities(logits[head][0], exclusive=question.exclusive).cpu().numpy()

    def predict(recordings: Iterable[Recording], question: Question) -> Iterator[Float32[np.ndarray, "T C"]]:
        for recording in recordings:
            yield labelled(recording, question)

    return predict


def optimiser(recipe: Joint, model: nn.Module) -> Optimizer:
    """Return MADGRAD of all weights (Defazio and Jelassi 2021, arXiv:2101.11075)."""
    from pytorch_optimizer import MADGRAD  # here: counting a network needs none

    return MADGRAD(model.parameters(), lr=recipe.lr, weight_decay=recipe.decay, momentum=0.9)


def smoothed_loss(
    logits: Float[Tensor, "N C"],
    targets: losses.Targets,
    weights: losses.Weights,
    prior: Float[Tensor, " C"],
    smoothing: float,
) -> Float[Tensor, ""]:
    """Return the mean cross-entropy of frames, with a share of each label spread as the prior is.

    Classes are weighted; the mean is over frames, not over weights. Where classes overlap it is the mean of
    the binary ones.
    """
    if targets.dim() == 1:
        shares = nn.functional.one_hot(targets, logits.shape[1]).to(logits.dtype)
        return soft_loss(logits, shares.lerp(prior.expand_as(shares), smoothing), weights)
    shares = targets.to(logits.dtype).lerp(prior.expand_as(logits), smoothing)
    holds, fails = nn.functional.logsigmoid(logits), nn.functional.logsigmoid(-logits)
    return -(weights[1] * shares * holds + weights[0] * (1 - shares) * fails).mean()


def soft_loss(
    logits: Float[Tensor, "N C"], shares: Float[Tensor, "N C"], weights: Float[Tensor, " C"]
) -> Float[Tensor, ""]:
    """Return the mean cross-entropy of frames whose truth is a distribution; classes are weighted."""
    return -(shares * weights * logits.log_softmax(dim=1)).sum(dim=1).mean()


def _loss(
    recipe: Joint,
    laid_out: Sequences,
    targets: Sequence[Target],
    before: int,
    forward: steps.Forward,
    batch: Batch,
) -> tuple[Tensor, int]:
    """Return the contrastive loss of all crops and the loss of the labels, and the number of crops."""
    crops = laid_out.gather(batch.first)
    frames = slice(before, before + recipe.size + recipe.ahead)
    asked = [targets[question] for question in batch.questions]
    whose = [one.annotator for one in asked] + [0] * (len(batch.first) - len(asked))
    _, _, logits, loss = forward(
        crops.features[:, :, : -dyads.EXTRA],
        crops.features[:, frames, -dyads.EXTRA :],
        torch.tensor(whose, device=crops.features.device)[:, None].expand(-1, recipe.size + recipe.ahead),
        (batch.start, batch.lengths, recipe.step),
    )
    for head in dict.fromkeys(one.head for one in asked):
        rows = [row for row, one in enumerate(asked) if one.head == head]
        truth = crops.targets[rows][:, frames]
        known, one = truth != UNKNOWN, asked[rows[0]]
        if bool(known.any()):
            own = one.truth(truth[known])
            said = logits[head][rows][known].float()
            loss = loss + one.importance * smoothed_loss(said, own, one.weights, one.prior, recipe.smoothing)
    return loss, len(batch.first)


def _batches(
    recipe: Joint, laid_out: Sequences, counts: Sequence[int], before: int, _epoch: int, seed: int
) -> Sequence[Batch]:
    """Draw the crops of each batch: one of each question, more of the first, and some of no question.

    A recording is drawn as often as it is long. `counts` is how many recordings each question has; they come
    first.
    """
    rng = np.random.default_rng([seed, STREAM])
    lengths, device = np.array(laid_out.lengths), laid_out.features.device
    stops = np.cumsum(counts)
    members = [np.arange(stop - count, stop) for stop, count in zip(stops, counts, strict=True)]
    others = np.arange(stops[-1], len(lengths))
    labelled = max(len(counts), recipe.batch // 2 if len(others) else recipe.batch)
    asked = (*range(len(counts)), *(0 for _ in range(labelled - len(counts))))
    batches = []
    for _ in range(max(1, int(lengths.sum() / recipe.size / recipe.batch))):
        chosen = [_drawn(rng, members[question], lengths) for question in asked]
        if len(others):
            chosen += [_drawn(rng, others, lengths) for _ in range(max(0, recipe.batch - labelled))]
        own = lengths[chosen]
        begin = (rng.random(len(chosen)) * np.maximum(own - recipe.size - recipe.ahead + 1, 1)).astype(
            np.int64
        )
        valid = np.minimum(own - begin, recipe.size + recipe.ahead)
        start = (rng.random(len(chosen)) * np.minimum(valid, recipe.size)).astype(np.int64)
        first = np.array(laid_out.starts)[chosen] + begin - before
        rows = [torch.from_numpy(column).to(device) for column in (first, valid, start)]
        batches.append(Batch(rows[0], rows[1], rows[2], asked))
    return batches


def _drawn(
    rng: np.random.Generator, members: Int64[np.ndarray, " N"], lengths: Int64[np.ndarray, " R"]
) -> int:
    """Draw one of some recordings, each as often as it is long."""
    return int(rng.choice(members, p=lengths[members] / lengths[members].sum()))


def _targets(question: Question, recording: Recording) -> Int64[np.ndarray, " T"]:
    """Return the class of every frame; where classes overlap, a bit of each; `UNKNOWN` where none trains."""
    truth = question.truth(recording)
    rows = truth.argmax(axis=1) if question.exclusive else truth @ (1 << np.arange(truth.shape[1]))
    return np.where(question.labelled(recording), rows, UNKNOWN).astype(np.int64)


def _place(classes: Sequence[int], number: int) -> tuple[int, int]:
    """Return the head and the annotator of a question, by its number."""
    if classes[number] == classes[0]:
        return 0, sum(count == classes[0] for count in classes[:number])
    return 1 + sum(count != classes[0] for count in classes[:number]), 0


def _questions(
    run: Run, truth: Sequence[Sequence[Int64[np.ndarray, " _"]]], device: torch.device
) -> list[Target]:
    """Return what each question asks; questions of one head have their weights and their prior in common."""
    places = [_place(run.sizes.classes, number) for number in range(len(run.questions))]
    targets = []
    for question, (head, annotator) in zip(run.questions, places, strict=True):
        shared = [rows for place, own in zip(places, truth, strict=True) if place[0] == head for rows in own]
        known = np.concatenate(shared)
        known = known[known != UNKNOWN]
        if not len(known):
            raise DataError(
                f"nothing to train {run.model.partition(':')[2]!r} on",
                [f"no annotated frame in {len(shared)} recordings of {question.key}"],
                hint="choose another task or another baseline",
            )
        answers = _answers(torch.from_numpy(known).to(device), question)
        weights = losses.class_weights(answers, question.classes, {}, balanced=True)
        held = answers if answers.dim() == 2 else nn.functional.one_hot(answers, len(question.classes))
        importance = run.recipe.others if head else 1.0
        targets.append(Target(question, head, annotator, weights, held.float().mean(dim=0), importance))
    return targets


def _answers(rows: Int64[Tensor, " N"], question: Question) -> losses.Targets:
    """Return the class of each frame, or whether each class holds."""
    if question.exclusive:
        return rows
    return (rows[:, None] >> torch.arange(len(question.classes), device=rows.device)) & 1 == 1


def _scales(run: Run, recordings: Sequence[Recording]) -> Scales:
    """Learn what scales the features of recordings, and the principal axes of their distances."""
    skeleton, at = run.sizes.skeleton, roles(run.sizes.skeleton)
    made = [dyads.both(recording, skeleton.image) for recording in recordings]
    pairs = dyads.log_distances(made[0][:2]).shape[1]
    count, total, products = 0, np.zeros(pairs), np.zeros((pairs, pairs))
    for xy in made:
        distances = dyads.log_distances(xy)
        count, total = count + len(distances), total + distances.sum(axis=0)
        products += distances.T @ distances
    middle = total / count
    axes = np.linalg.eigh(products - count * np.outer(middle, middle))[1].T[::-1][
        : components(run.recipe, skeleton)
    ]
    signs = np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1))
    bare = Scales(np.zeros(1), np.ones(1), middle, axes * signs)
    mean, deviation = moments([_features(bare, xy, at) for xy in made])
    return Scales(mean, deviation, bare.middle, bare.axes)


def _features(scales: Scales, xy: Float[np.ndarray, "T 2 K 2"], at: Roles) -> Float32[np.ndarray, "T F"]:
    """Return features and distances of every frame, scaled."""
    distances = (dyads.log_distances(xy) - scales.middle) @ scales.axes.T
    rows = np.concatenate([dyads.features(xy, at.neck, at.tail), distances], axis=1)
    return dyads.from_the_second((rows - scales.mean) / scales.deviation)


def _rows(run: Run, scales: Scales, recording: Recording) -> Float32[np.ndarray, "T F"]:
    """Return features of every frame, scaled; and, last, when and where it is."""
    skeleton, at = run.sizes.skeleton, roles(run.sizes.skeleton)
    xy = dyads.both(recording, skeleton.image)
    when = dyads.from_the_second(dyads.when_and_where(xy, at.neck, at.tail, skeleton.image))
    return np.concatenate([_features(scales, xy, at), when], axis=1)
