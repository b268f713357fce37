"""What a device refuses ends one run, as text, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest
import toy

from baselines.runs.train import train_seeds
from bench.errors import BenchError

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from torch import nn  # noqa: E402

from baselines.engine import windows  # noqa: E402
from baselines.engine.faults import TrainingError, device_faults  # noqa: E402

FULL = torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nMore of it.")


class Full(nn.Module):
    """A network that the device has no room for, once."""

    refusals = 0

    def __init__(self, features: int, window: int, classes: int) -> None:
        super().__init__()
        self.head = nn.Linear(features * window, classes)

    def forward(self, x):
        """Ask for too much; where only shapes are asked for, as for the card, there is room."""
        if x.device.type != "meta" and not Full.refusals:
            Full.refusals += 1
            raise FULL
        return self.head(x.flatten(1))


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_too_little_memory_says_what_to_type(device: str) -> None:
    with pytest.raises(TrainingError, match="no memory left") as caught, device_faults(device):
        raise FULL
    assert caught.value.problems == ("CUDA out of memory. Tried to allocate 2 GiB.",)
    assert "fewer --workers" in caught.value.hint
    assert caught.value.exit_code == 1


def test_what_a_gpu_says_in_other_words_is_a_fault_of_the_run_and_on_the_cpu_of_the_program() -> None:
    said = RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate\nMore of it.")
    with pytest.raises(TrainingError, match="the GPU refused") as caught, device_faults("cuda"):
        raise said
    assert caught.value.problems == ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate",)
    with pytest.raises(RuntimeError, match="CUBLAS"), device_faults("cpu"):
        raise said
    with pytest.raises(RuntimeError, match="shapes"), device_faults("cuda"):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied (32x5 and 7x3)")


def test_the_other_seeds_go_on(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Full, "refusals", 0)
    full = windows.baseline(
        module="test_faults",
        name="full",
        title="Full",
        description="too large",
        reference="none",
        recipe=toy.CONV.recipe,
        network=windows.plain(Full),
    )
    monkeypatch.setattr("test_faults.FULL_BASELINE", full, raising=False)
    with pytest.raises(BenchError, match="1 of 2 could not be trained") as caught:
        train_seeds(full, toy.task(), seeds=[0, 1], device="cpu", out=tmp_path, epochs=1)
    (problem,) = caught.value.problems
    assert "seed 0" in problem
    assert "no memory left" in problem
    assert [path.name for path in (tmp_path / "toy").glob("*.npz")] == ["seed1.npz"]
