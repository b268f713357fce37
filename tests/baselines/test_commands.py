"""`bench models` and the seeds of `bench train`, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from baselines.models import MODELS
from bench.cli import cli
from bench.errors import BenchError, UsageError


def bench(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, arguments)
    if result.exception is not None:
        raise result.exception
    return result


def test_models_are_listed_as_text_and_as_json() -> None:
    pytest.importorskip("torch", reason="torch is in the extra `train`")
    listed = json.loads(bench("models", "--json").stdout)
    assert [row["name"] for row in listed] == list(MODELS)
    text = bench("models").stdout
    assert all(row["name"] in text and row["title"] in text for row in listed)
    assert " 285,892 " in text
    assert "at the sizes of CalMS21 Task 1" in text
    assert all(text.count(f"] {row['reference']}\n") == 1 for row in listed), "each once, below the table"
    assert max(map(len, text.split("\n\n")[0].splitlines())) <= 125


def test_models_count_at_a_tasks_sizes() -> None:
    pytest.importorskip("torch", reason="torch is in the extra `train`")
    listed = {row["name"]: row for row in json.loads(bench("models", "--json", "--task", "ratsi").stdout)}
    published = {"msgl": 284_933, "msgl_lstm": 53_573, "msgl_bilstm": 139_909, "msgl_tcn": 27_781}
    assert {name: listed[name]["parameters"] for name in published} == published
    assert "at the sizes of task ratsi;" in bench("models", "--task", "ratsi").stdout
    with pytest.raises(UsageError, match="did you mean 'ratsi'"):
        bench("models", "--task", "rats")


def test_so_many_seeds_or_those_named(bench_home: Path, tmp_path: Path) -> None:
    bench("pull", "demo-4x30")
    arguments = ("train", "prior", "--task", "demo-4x30", "--out", str(tmp_path / "prior"))
    bench(*arguments, "--seeds", "3")
    bench(*arguments, "--seed", "5..6")
    made = sorted(path.name for path in (tmp_path / "prior" / "demo-4x30").glob("*.npz"))
    assert made == ["seed0.npz", "seed1.npz", "seed2.npz", "seed5.npz", "seed6.npz"]
    with pytest.raises(UsageError, match="expected one of them"):
        bench(*arguments, "--seeds", "3", "--seed", "1")


def test_ctrl_c_says_that_the_same_command_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("baselines.runs.train.train_seeds", stopped)
    done = CliRunner().invoke(cli, ["train", "prior", "--task", "demo"])
    assert isinstance(done.exception, BenchError)
    assert done.exception.exit_code == 1
    assert done.exception.hint == "the same command goes on after the last finished epoch of each run"
