"""The wheel alone, in a clean environment without torch, in a folder that is no checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WITHIN = {
    "_splits": "splits",
    "_templates": "leaderboard/templates",
    "_reference": "leaderboard/reference",
    "_results": "leaderboard/results",
}
"""Folder of the installed package -> where it is in a checkout."""


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
    versions = json.loads(run(python, tmp_path, bench, "--version", "--json"))
    assert versions["metrics"]["version"] == result["metrics_version"]
    assert versions["libraries"]["torch"] is None
    assert versions["libraries"]["numpy"]
    beside = run(python, tmp_path, bench, "leaderboard", "rat-dyads", "--reference")
    assert "Boosted trees on geometry" in beside
    assert "findings:" in run(python, tmp_path, bench, "audit")


@pytest.mark.slow
def test_the_wheel_holds_what_numbers_are_compared_with(python: Path) -> None:
    (package,) = python.parent.parent.glob("lib/python*/site-packages/bench")
    for kept, source in WITHIN.items():
        files = [path.relative_to(ROOT / source) for path in (ROOT / source).rglob("*")]
        names = {path for path in files if not any(part.startswith(".") for part in path.parts)}
        assert {path.relative_to(package / kept) for path in (package / kept).rglob("*")} == names


def test_one_version_stands_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert (ROOT / "CHANGELOG.md").read_text().split("## ", 1)[1].startswith(version)
