"""One thread: small networks gain nothing by more, and on a busy machine threads wait for each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let torch compute in one thread, here and in the processes that a test starts."""
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
