"""`bench doctor`, and the help that lists every command once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import doctor
from bench.cli import SECTIONS, cli
from bench.datasets import get_task
from bench.metrics import METRICS_VERSION
from bench.store import pull_simulated


def told(*arguments: str) -> str:
    made = CliRunner().invoke(cli, ["doctor", *arguments], catch_exceptions=False)
    assert made.exit_code == 0
    return made.stdout


def test_it_says_what_is_here_and_what_to_type(bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.EXTRAS, "plots", ("no-such-distribution",))
    lines = {(line["topic"], line["name"]): line for line in json.loads(told("--json"))}
    assert lines["versions", "metrics"]["state"] == str(METRICS_VERSION)
    assert lines["store", "BENCH_HOME"]["state"] == str(bench_home)
    assert lines["store", "recordings"]["hint"] == "bench pull --list"
    assert "no-such-distribution not installed" in lines["extras", "plots"]["state"]
    assert ".[plots]" in lines["extras", "plots"]["hint"]
    text = told()
    assert "to bring what is missing:" in text
    assert "store: " not in text
    pull_simulated(get_task("demo-4x30").dataset)
    assert any(name == "recordings" for _, name in lines)


def test_help_lists_every_command_once() -> None:
    members = [command.name for section in SECTIONS.values() for command in section]
    assert len(members) == len(set(members)) == len(cli.commands)
    shown = CliRunner().invoke(cli, ["--help"]).stdout
    for title, section in SECTIONS.items():
        assert f"{title}:" in shown
        assert all(f"  {command.name} " in shown for command in section)
