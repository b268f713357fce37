"""The wheel alone, in a clean environment without torch, in a folder that is no checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of a fresh environment that holds the wheel and what scoring needs."""
    built = tmp_path_factory.mktemp("wheel")
    pip = ["-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([sys.executable, *pip, "wheel", "--no-deps", "-w", built, ROOT], check=True)
    (wheel,) = built.glob("ethobench-*.whl")
    venv.create(built / "env", with_pip=True)
    fresh = built / "env" / "bin" / "python"
    subprocess.run([fresh, *pip, "install", "-c", ROOT / "constraints.txt", wheel], check=True)
    return fresh


def run(python: Path, folder: Path, *arguments: str) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment["BENCH_HOME"] = str(folder / "home")
    done = subprocess.run(
        [python, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_wheel_scores_a_submission_without_torch(python: Path, tmp_path: Path) -> None:
    bench = str(python.with_name("bench"))
    torch = "import importlib.util as u; print(u.find_spec('torch'), u.find_spec('sklearn'))"
    assert run(python, tmp_path, "-c", torch).split() == ["None", "None"]
    where = run(python, tmp_path, "-c", "import bench; print(bench.__file__)")
    assert str(python.parent.parent) in where
    run(python, tmp_path, bench, "pull", "demo")
    run(python, tmp_path, bench, "train", "prior", "--task", "demo")
    printed = run(python, tmp_path, bench, "evaluate", "submissions/prior")
    assert "12,000 frames" in printed
    run(python, tmp_path, bench, "publish")
    result = json.loads((tmp_path / "leaderboard/results/demo--prior.json").read_text())
    assert result["frames"] == 12_000
    page = (tmp_path / "leaderboard/site/demo.html").read_text()
    assert "Class prior" in page
    assert "simulated" in page
