"""What all these tests share: the toy recordings in a store, and one thread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import toy

from bench.store import pull


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let torch compute in one thread, here and in the processes that a test starts.

    Small networks gain nothing by more, and on a busy machine threads wait for each other.
    """
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    try:
        import torch
    except ModuleNotFoundError:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def store(bench_home: Path) -> Path:
    """Store the toy recordings; return the store's folder."""
    pull(toy.DATASET, Path())
    return bench_home
