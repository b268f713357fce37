"""Fixtures that every room shares: a home of its own for each test, and the real recordings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")  # a test that fails today and passes tomorrow helps nobody

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("ETHOBENCH_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture
def bench_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point `$BENCH_HOME` at an empty folder for the length of one test."""
    home = tmp_path / "home"
    monkeypatch.setenv("BENCH_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real recordings; the test skips, saying why, where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"no real recordings: {DATA} does not exist (set ETHOBENCH_DATA)")
    return DATA
