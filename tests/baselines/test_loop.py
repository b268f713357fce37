"""The loop, part by part: averages of weights, clipped gradients, several validations, rates by the step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from torch import Tensor, nn  # noqa: E402

from baselines.engine import checkpoints, loop  # noqa: E402

INPUTS = {"task": "toy"}
TARGETS = torch.tensor([[3.0], [-1.0], [4.0], [1.0]])


class Number(nn.Module):
    """One weight for each of four examples."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4, 1))

    def forward(self, chosen: Tensor) -> Tensor:
        """Return the weights of the chosen examples."""
        return self.weight[chosen]


def squares(forward: Callable[..., Tensor], chosen: Tensor) -> tuple[Tensor, int]:
    return ((forward(chosen) - TARGETS[chosen]) ** 2).sum(), len(chosen)


def fit(path: Path, epochs: int = 3, **parts: Any) -> loop.Fitted:
    return loop.fit(
        parts.pop("build", Number),
        parts.pop("batches", lambda epoch, seed: [torch.tensor([0, 1]), torch.tensor([2, 3])]),
        squares,
        parts.pop("optimise", lambda model: torch.optim.SGD(model.parameters(), lr=1.0)),
        parts.pop("schedule", lambda epoch, done, history: 0.1),
        epochs=epochs,
        seed=0,
        device=torch.device("cpu"),
        checkpoint=path,
        inputs=INPUTS,
        **parts,
    )


def by_hand(epochs: int, keep: float) -> tuple[Tensor, Tensor]:
    """Return the weights after so many epochs, and their average: it begins where the weights begin."""
    weights, average = torch.zeros(4, 1), torch.zeros(4, 1)
    for _ in range(epochs):
        for some in ([0, 1], [2, 3]):
            weights[some] -= 0.1 * 2 * (weights[some] - TARGETS[some])
            average = keep * average + (1 - keep) * weights
    return weights, average


def test_the_average_of_the_weights_is_validated_and_returned(tmp_path: Path) -> None:
    shown: list[Tensor] = []

    def validate(model: nn.Module) -> dict[str, Tensor]:
        shown.append(model.state_dict()["weight"].clone())
        return {loop.VALIDATION: torch.zeros(())}

    fitted = fit(tmp_path / "1.pt", ema=0.75, validate=validate)
    weights, average = by_hand(3, 0.75)
    torch.testing.assert_close(fitted.model.state_dict()["weight"], average)
    torch.testing.assert_close(shown[1], by_hand(2, 0.75)[1])
    saved = checkpoints.load(tmp_path / "1.pt", INPUTS)
    torch.testing.assert_close(saved["model"]["weight"], weights)


def test_an_average_goes_on_where_it_was(tmp_path: Path) -> None:
    fit(tmp_path / "1.pt", epochs=1, ema=0.75)
    resumed = fit(tmp_path / "1.pt", epochs=3, ema=0.75)
    whole = fit(tmp_path / "2.pt", epochs=3, ema=0.75)
    assert torch.equal(resumed.model.state_dict()["weight"], whole.model.state_dict()["weight"])


def test_no_step_is_longer_than_the_clipped_gradient(tmp_path: Path) -> None:
    whole = fit(tmp_path / "1.pt", epochs=1).model.state_dict()["weight"]
    clipped = fit(tmp_path / "2.pt", epochs=1, clip=0.5).model.state_dict()["weight"]
    for some in ([0, 1], [2, 3]):
        assert clipped[some].norm().item() == pytest.approx(0.1 * 0.5, rel=1e-4)
        torch.testing.assert_close(clipped[some] / clipped[some].norm(), whole[some] / whole[some].norm())


def test_each_validation_keeps_its_own_best_weights(tmp_path: Path) -> None:
    """One falls for ever, the other is best after the second epoch."""
    turns = iter([5.0, 1.0, 2.0, 3.0])

    def validate(model: nn.Module) -> dict[str, Tensor]:
        gap = (model.state_dict()["weight"] - TARGETS).abs().sum()
        return {"gap": gap, "turn": torch.tensor(next(turns))}

    fitted = fit(tmp_path / "1.pt", epochs=4, validate=validate)
    torch.testing.assert_close(fitted.best["gap"]["weight"], by_hand(4, 0.0)[0])
    torch.testing.assert_close(fitted.best["turn"]["weight"], by_hand(2, 0.0)[0])
    assert [epoch["turn"] for epoch in fitted.history] == [5, 1, 2, 3]
    assert loop.VALIDATION not in fitted.history[0]


def test_the_rate_may_change_with_every_step_and_the_last_one_is_logged(tmp_path: Path) -> None:
    asked: list[tuple[int, float, int]] = []

    def schedule(epoch: int, done: float, history: loop.History) -> float:
        asked.append((epoch, done, len(history)))
        return 0.1 / (epoch + done)

    fitted = fit(tmp_path / "1.pt", epochs=2, schedule=schedule)
    assert asked == [(1, 0.0, 0), (1, 0.5, 0), (2, 0.0, 1), (2, 0.5, 1)]
    assert [epoch["lr"] for epoch in fitted.history] == [0.1 / 1.5, 0.1 / 2.5]


def test_stop_ends_it_and_an_opened_epoch_may_begin_anew(tmp_path: Path) -> None:
    opened: list[int] = []

    def open_epoch(model: nn.Module, learnable: frozenset[str], epoch: int) -> bool:
        assert learnable == {"weight"}
        model.weight.requires_grad_(epoch != 2)
        return epoch == 3

    def optimise(model: nn.Module) -> torch.optim.Optimizer:
        opened.append(1)
        return torch.optim.SGD(model.parameters(), lr=1.0)

    class Frozen(Number):
        def forward(self, chosen: Tensor) -> Tensor:
            return super().forward(chosen) + 0 * torch.ones(1, requires_grad=True)

    fitted = fit(
        tmp_path / "1.pt",
        epochs=9,
        build=Frozen,
        optimise=optimise,
        open_epoch=open_epoch,
        stop=lambda history: len(history) == 3,
    )
    assert len(fitted.history) == 3
    assert len(opened) == 2, "once to begin with, once in the third epoch"
    torch.testing.assert_close(fitted.model.state_dict()["weight"], by_hand(2, 0.0)[0])


def test_what_comes_first_is_not_changed_by_what_goes_on_from_it(tmp_path: Path) -> None:
    def optimise(model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)

    fit(tmp_path / "first.pt", optimise=optimise)
    first = checkpoints.load(tmp_path / "first.pt", INPUTS)
    memory = first["optimiser"]["state"][0]["momentum_buffer"].clone()
    kept = fit(tmp_path / "kept.pt", epochs=1, optimise=optimise, start=first)
    assert torch.equal(first["optimiser"]["state"][0]["momentum_buffer"], memory)
    anew = fit(tmp_path / "anew.pt", epochs=1, optimise=optimise, start={"model": first["model"]})
    assert not torch.equal(kept.model.state_dict()["weight"], anew.model.state_dict()["weight"])
