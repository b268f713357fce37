"""Switches: each trains, says so on the card, and keeps what it must; several processes share each batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import toy

from baselines.contract import Baseline
from baselines.models import get_baseline
from baselines.recipes.windows import Recipe
from baselines.runs.check import check_switches
from baselines.runs.questions import question_of, sizes_of
from baselines.runs.train import train
from baselines.switches import OFF, Switches
from bench.errors import DataError, UsageError
from bench.submissions import read_entry
from bench.tasks import Task

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from torch import nn  # noqa: E402

from baselines.engine import checkpoints, counting, devices, steps, window_training  # noqa: E402
from baselines.inputs.windows import Examples, windows  # noqa: E402
from baselines.models.msgl import MSGL  # noqa: E402

RECIPE = Recipe(past=5, future=0, gap=1, epochs=2, batch=16, class_weights="balanced", smoothing=0.1)
INPUTS = {"task": "toy"}


def task() -> Task:
    """Return a task that another process can be sent: the toy's metric cannot."""
    return replace(toy.task(), metrics=())


def run(out: Path, switches: Switches = OFF, baseline: Baseline = toy.CONV, **more) -> np.ndarray:
    path = train(baseline, task(), seed=1, device="cpu", out=out, epochs=2, switches=switches, **more)
    with np.load(path) as scores:
        return np.concatenate([scores["all/d"], scores["all/e"]])


@pytest.mark.slow
def test_bf16_rounds_activations_and_little_else(store: Path, tmp_path: Path) -> None:
    plain, rounded = run(tmp_path / "plain"), run(tmp_path / "bf16", Switches("bf16"))
    assert rounded.dtype == np.float32
    assert not np.array_equal(plain, rounded)
    np.testing.assert_allclose(rounded.sum(axis=1), 1, atol=1e-6)
    assert (plain.argmax(axis=1) == rounded.argmax(axis=1)).mean() > 0.9
    state = checkpoints.read(tmp_path / "bf16/.work/toy/seed1-all.pt")[0]
    assert {w.dtype for w in state["model"].values() if w.is_floating_point()} == {torch.float32}
    card = read_entry(tmp_path / "bf16").tasks["toy"]
    assert card.description.endswith("activations in bfloat16")
    with pytest.raises(DataError, match="trained otherwise") as caught:
        run(tmp_path / "plain", Switches("bf16"))
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["switches precision"]


@pytest.mark.slow
def test_compiled_it_gives_the_same_up_to_rounding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Traced and split into forward and backward as always; to write kernels in C++ would take a minute."""
    compile_, asked = torch.compile, []

    def traced(model: nn.Module, **how: bool) -> Callable:
        asked.append(model)
        return compile_(model, backend="aot_eager", **how)

    monkeypatch.setattr(torch, "compile", traced)
    plain, compiled = tmp_path / "plain.pt", tmp_path / "compiled.pt"
    for checkpoint, switches in ((plain, OFF), (compiled, Switches(compiled=True))):
        window_training.fit(
            lambda: nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.Tanh(), nn.Linear(8, 3)),
            examples(),
            torch.ones(3),
            RECIPE,
            seed=2,
            inputs=INPUTS,
            checkpoint=checkpoint,
            switches=switches,
        )
    assert len(asked) == 1
    one, other = (checkpoints.load(path, INPUTS)["model"] for path in (plain, compiled))
    assert one.keys() == other.keys(), "an uncompiled network can read the weights"
    for name, weights in one.items():
        torch.testing.assert_close(other[name], weights, rtol=1e-4, atol=1e-5)
    assert Switches(compiled=True).words() == ["compiled"]


@pytest.mark.slow
def test_every_network_of_a_process_is_compiled_for_the_sizes_of_its_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Torch by itself stops at the eighth, and turns to kernels for any size at the second size."""
    compile_, sizes = torch.compile, []

    def backend(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Callable:
        sizes.append({type(n) for x in inputs for n in x.shape} | {len(x) for x in inputs if x.dim() == 3})
        return graph.forward

    def traced(model: nn.Module, **how: bool) -> Callable:
        return compile_(model, backend=backend, **how)

    monkeypatch.setattr(torch, "compile", traced)
    switches, data = Switches(compiled=True), examples()

    def loss(forward: steps.Forward, chosen: torch.Tensor) -> tuple[torch.Tensor, int]:
        logits = forward(data.windows.gather(chosen))
        return nn.functional.cross_entropy(logits, data.targets[chosen]), len(chosen)

    for _ in range(10):
        model = nn.Sequential(nn.Flatten(), nn.Linear(36, 3))
        optimiser = window_training.optimiser(RECIPE, switches, model)
        step = steps.prepare(model, loss, optimiser, None, None, switches, torch.arange(16))
        for frames in (16, 11, 16):
            step(torch.arange(frames))
    assert sizes == [{int, 16}, {int, 11}] * 10


def test_bf16_is_refused_where_a_gpu_would_round_to_float16(tmp_path: Path) -> None:
    def check(name: str, device: str, switches: Switches) -> None:
        baseline = get_baseline(name)
        sizes = sizes_of(baseline, toy.DATASET.skeleton, [question_of(task(), "all", None)])
        counting.check_switches(baseline, baseline.recipe, sizes, device, switches)

    for name in ("lstm", "msgl_lstm", "msgl_bilstm"):
        with pytest.raises(UsageError, match=f"recurrent layers of {name!r} to float16") as caught:
            check(name, "cuda", Switches("bf16"))
        assert caught.value.hint == "leave out --precision"
        check(name, "cpu", Switches("bf16"))
        check(name, "cuda", Switches(graphs=True))
    check("msgl_tcn", "cuda", Switches("bf16"))


def examples() -> Examples:
    """75 frames: the last of five batches has 11, which two processes do not share evenly."""
    rng = np.random.default_rng(1)
    labels = [rng.integers(0, 3, n) for n in (32, 43)]
    kept = [(rng.normal(0, 1, (len(y), 6)) + y[:, None]).astype(np.float32) for y in labels]
    return Examples(windows(kept, RECIPE, torch.device("cpu")), torch.from_numpy(np.concatenate(labels)))


def fit(checkpoint: Path, sizes: Path | None = None) -> None:
    """Train a network that draws nothing at random, noting how many frames each step saw."""
    seen = []

    def build() -> nn.Module:
        model = MSGL(6, RECIPE.window, 3, dropout=0.0)
        model.embed.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
        return model

    weights = torch.tensor([0.5, 2.0, 1.0])
    held_out = examples()
    window_training.fit(
        build,
        examples(),
        weights,
        RECIPE,
        seed=4,
        inputs=INPUTS,
        checkpoint=checkpoint,
        held_out=held_out,
    )
    if sizes is not None:
        (sizes / f"{devices.rank()}.txt").write_text(" ".join(map(str, seen[:5])))


@pytest.mark.slow
def test_two_processes_share_each_batch_and_learn_the_same(tmp_path: Path) -> None:
    fit(tmp_path / "one.pt")
    devices.launch(2, "cpu", fit, tmp_path / "two.pt", tmp_path)
    shares = [(tmp_path / f"{rank}.txt").read_text() for rank in (0, 1)]
    assert shares == ["8 8 8 8 6", "8 8 8 8 5"], "16 frames a step, as the recipe says"
    one, two = (checkpoints.load(tmp_path / f"{name}.pt", INPUTS) for name in ("one", "two"))
    for name, weights in one["model"].items():
        # a shift of all keys changes no attention: Adam makes steps of the rounding of its gradient
        atol = 1e-2 if name.endswith("qkv.bias") else 1e-4
        torch.testing.assert_close(two["model"][name], weights, rtol=1e-3, atol=atol)
    for a, b in zip(one["history"], two["history"], strict=True):
        assert b["loss"] == pytest.approx(a["loss"], rel=1e-4)
        assert b["validation_loss"] == pytest.approx(a["validation_loss"], rel=1e-4)


@pytest.mark.slow
def test_a_submission_by_two_processes_resumes_and_says_so(
    store: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    recipe = replace(toy.MSGL.recipe, validation="none", plateau=None, patience=None)
    msgl = replace(toy.MSGL, recipe=recipe)
    both = run(tmp_path / "two", Switches(devices=2), msgl)
    np.testing.assert_allclose(both.sum(axis=1), 1, atol=1e-5)
    assert "epoch 2 of 2" in capfd.readouterr().err
    card = read_entry(tmp_path / "two").tasks["toy"]
    assert card.description.endswith("batches shared by 2 devices")


def test_what_processes_cannot_share_is_an_error_and_no_traceback(store: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="batch normalisation cannot see") as caught:
        run(tmp_path / "conv", Switches(devices=2))
    assert "--device cuda" in caught.value.hint
    assert not (tmp_path / "conv").exists(), "no card of a run that cannot be"


@pytest.mark.parametrize(
    ("switches", "device", "more", "says"),
    [
        (Switches(graphs=True), "cpu", {}, "no CUDA graphs"),
        (Switches(graphs=True, devices=2), "cuda", {}, "record one device"),
        (Switches("bf16"), "cpu", {"name": "prior"}, "are for networks"),
        (OFF, "cpu", {"name": "prior", "tensorboard": True}, "are for networks"),
        (Switches("bf16", compiled=True), "cpu", {"knows": {"precision"}}, "'msgl' does not know --compile"),
    ],
)
def test_what_does_not_go_together(switches: Switches, device: str, more: dict, says: str) -> None:
    baseline = get_baseline(more.get("name", "msgl"))
    if "knows" in more:
        baseline = replace(baseline, switches=frozenset(more["knows"]))
    with pytest.raises(UsageError, match=says):
        check_switches(baseline, switches, device, tensorboard=more.get("tensorboard", False))


def test_without_tensorboard_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("baselines.runs.check.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="not installed") as caught:
        check_switches(toy.CONV, OFF, "cpu", tensorboard=True)
    assert ".[tensorboard]" in caught.value.hint


def test_tensorboard_gets_the_numbers_of_the_log(store: Path, tmp_path: Path) -> None:
    reading = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="tensorboard is in the extra `tensorboard`",
    )
    plain = run(tmp_path / "plain")
    assert np.array_equal(run(tmp_path / "board", tensorboard=True), plain), "no result depends on it"
    events = reading.EventAccumulator(str(tmp_path / "board/.work/toy/seed1-all")).Reload()
    assert set(events.Tags()["scalars"]) == {"loss", "lr", "seconds"}
    history = checkpoints.read(tmp_path / "board/.work/toy/seed1-all.pt")[0]["history"]
    written = [(event.step, event.value) for event in events.Scalars("loss")]
    assert written == [(epoch["epoch"], pytest.approx(epoch["loss"])) for epoch in history]


def test_a_rate_is_set_where_the_optimiser_reads_it() -> None:
    weights = torch.nn.Parameter(torch.zeros(2))
    optimiser = torch.optim.Adam([weights], lr=0.1)
    steps.set_rate(optimiser, 0.02)
    assert optimiser.param_groups[0]["lr"] == 0.02
    held = optimiser.param_groups[0]["lr"] = torch.tensor(0.1)
    steps.set_rate(optimiser, 0.03)
    assert optimiser.param_groups[0]["lr"] is held
    assert held.item() == pytest.approx(0.03)


class Graph:
    """On the CPU in place of a CUDA graph: takes the step again, on what then lies in its recorded input."""

    step: Callable
    chosen: torch.Tensor
    loss: torch.Tensor

    def replay(self) -> None:
        """Overwrite the loss, as a graph does."""
        self.loss.copy_(self.step(self.chosen)[0])


def steps_of_two_epochs(before: int, *, recorded: bool) -> tuple[list[float], dict[str, torch.Tensor]]:
    """Take `before` steps as they are, then two epochs; return all losses and the weights."""
    torch.manual_seed(3)
    x, y = torch.randn(75, 4), torch.arange(75) % 3
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.BatchNorm1d(8), nn.Linear(8, 3))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.1)

    def step(chosen: torch.Tensor) -> tuple[torch.Tensor, int]:
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(model(x[chosen]), y[chosen])
        loss.backward()
        optimiser.step()
        Graph.step, Graph.chosen, Graph.loss = staticmethod(step), chosen, loss.detach()
        return loss.detach(), len(chosen)

    batches = torch.randperm(75).split(16)  # the last has 11: it cannot be replayed
    losses = [float(step(chosen)[0]) for chosen in batches[:before]]
    take = steps.recorded(step, model, optimiser, torch.arange(16)) if recorded else step
    for rate in (0.1, 0.02):
        steps.set_rate(optimiser, rate)
        losses += [float(take(chosen)[0]) for chosen in batches]
    return losses, model.state_dict()


@pytest.mark.parametrize("before", [0, 2])
def test_recording_a_step_leaves_no_trace_and_replaying_it_learns_the_same(
    before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights, running statistics and the memory of Adam are as before the recording, full or empty."""
    replays: list[int] = []

    @contextmanager
    def record(graph: Graph) -> Iterator[None]:
        yield
        graph.chosen, graph.loss = Graph.chosen, Graph.loss
        graph.replay = lambda: replays.append(1) or Graph.replay(graph)

    aside = SimpleNamespace(wait_stream=lambda other: None)
    for name, stand_in in (
        ("CUDAGraph", Graph),
        ("graph", record),
        ("Stream", lambda: aside),
        ("current_stream", lambda: aside),
        ("stream", lambda _: nullcontext()),
    ):
        monkeypatch.setattr(torch.cuda, name, stand_in)
    plain, weights = steps_of_two_epochs(before, recorded=False)
    losses, found = steps_of_two_epochs(before, recorded=True)
    assert len(replays) == 8, "four full batches an epoch"
    assert losses == pytest.approx(plain, rel=1e-4)
    for name, value in weights.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-5)
