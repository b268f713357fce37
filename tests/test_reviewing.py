"""Pull requests: one that holds a submission passes, and twenty others are refused by name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from bench.cli import cli
from bench.errors import SubmissionError, UsageError
from bench.reviewing import CARD, RESULT, review

ROOT = Path(__file__).parents[1]
ENTRY = "pose_kmeans"
TASKS = ("rat-dyads", "rat-dyads-clusters")
CARD_FILE = f"submissions/{ENTRY}/submission.toml"


def result_file(task: str = TASKS[0], entry: str = ENTRY) -> str:
    return f"leaderboard/results/{task}--{entry}.json"


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def committed(folder: Path) -> str:
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "a change")
    return git(folder, "rev-parse", "HEAD")


def take(folder: Path, path: str) -> Path:
    """Copy a committed file of the project into the made checkout."""
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / path, target)
    return target


@pytest.fixture
def checkout(tmp_path: Path) -> tuple[Path, str]:
    """Make a project with the class prior in it, as it was before the change."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "--quiet")
    for path in ("submissions/prior/submission.toml", result_file(entry="prior"), "README.md"):
        take(folder, path)
    base = committed(folder)
    for path in (CARD_FILE, *map(result_file, TASKS)):
        take(folder, path)
    return folder, base


def change_json(path: Path, change: Callable[[dict], None]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_one_submission_passes_and_its_ranks_are_shown(checkout: tuple[Path, str]) -> None:
    folder, base = checkout
    committed(folder)
    found = review(folder, base)
    assert found.entry.id == ENTRY
    assert [one.task["name"] for one in found.results] == list(TASKS)
    shown = CliRunner().invoke(cli, ["review", str(folder), "--base", base], catch_exceptions=False)
    assert shown.exit_code == 0
    assert "one submission, 2 results without a fault" in shown.stdout

    assert "Class prior" in shown.stdout


def other_file(folder: Path) -> None:
    folder.joinpath("setup.py").write_text("raise SystemExit", encoding="utf-8")


def workflow(folder: Path) -> None:
    path = folder / ".github" / "workflows" / "x.yml"
    path.parent.mkdir(parents=True)
    path.write_text("on: push", encoding="utf-8")


def arrays(folder: Path) -> None:
    path = folder / "submissions" / ENTRY / "rat-dyads"
    path.mkdir()
    path.joinpath("seed0.npz").write_bytes(b"PK")


def second_entry(folder: Path) -> None:
    take(folder, "submissions/gbdt/submission.toml")
    take(folder, result_file(entry="gbdt"))


def others_result(folder: Path) -> None:
    change_json(folder / result_file(entry="prior"), lambda content: content.update(frames=1))


def deleted(folder: Path) -> None:
    (folder / result_file(entry="prior")).unlink()


def linked(folder: Path) -> None:
    path = folder / CARD_FILE
    path.unlink()
    path.symlink_to("/etc/passwd")


def executable(folder: Path) -> None:
    (folder / CARD_FILE).chmod(0o755)


def large_card(folder: Path) -> None:
    with (folder / CARD_FILE).open("a", encoding="utf-8") as file:
        file.write("#" * CARD)


def large_result(folder: Path) -> None:
    with (folder / result_file()).open("ab") as file:
        file.truncate(RESULT + 1)


def no_card(folder: Path) -> None:
    (folder / CARD_FILE).unlink()


def no_result(folder: Path) -> None:
    (folder / result_file(TASKS[1])).unlink()


def results_alone(folder: Path) -> None:
    shutil.rmtree(folder / "submissions" / ENTRY)


def tampered(folder: Path) -> None:
    change_json(folder / result_file(), lambda content: content["scores"]["f1"].update(value=0.99))


def higher_everywhere(folder: Path) -> None:
    path = folder / result_file()
    path.write_text(path.read_text(encoding="utf-8").replace("0.4", "0.9"), encoding="utf-8")


def not_json(folder: Path) -> None:
    (folder / result_file()).write_text("[" * 100_000, encoding="utf-8")


def renamed_card(folder: Path) -> None:
    path = folder / CARD_FILE
    path.write_text(path.read_text(encoding="utf-8").replace("k-means on poses", "Better"), encoding="utf-8")


def bad_card(folder: Path) -> None:
    (folder / CARD_FILE).write_text("name = [", encoding="utf-8")


def hostile_name(folder: Path) -> None:
    path = folder / "submissions" / ENTRY / "\x1b[2J\n`rm`.md"
    path.write_text("x", encoding="utf-8")


def into_a_folder_above(folder: Path) -> None:
    take(folder, "submissions/README.md")


def nothing(folder: Path) -> None:
    shutil.rmtree(folder / "submissions" / ENTRY)
    for task in TASKS:
        (folder / result_file(task)).unlink()


REFUSED = {
    other_file: "'setup.py': no file of a submission",
    workflow: "'.github/workflows/x.yml': no file of a submission",
    arrays: f"'submissions/{ENTRY}/rat-dyads/seed0.npz': no file of a submission",
    second_entry: "entries that it touches: 'gbdt', 'pose_kmeans'; expected one",
    others_result: "entries that it touches: 'pose_kmeans', 'prior'; expected one",
    deleted: f"'{result_file(entry='prior')}': deleted",
    linked: f"'{CARD_FILE}': mode 120000",
    executable: f"'{CARD_FILE}': mode 100755",
    large_card: f"'{CARD_FILE}': 66,",
    large_result: f"'{result_file()}': 8,388,609 bytes",
    no_card: "submission.toml",
    no_result: f"tasks.rat-dyads-clusters: no {result_file(TASKS[1])}",
    results_alone: f"submissions/{ENTRY}",
    tampered: f"{result_file()}: ",
    higher_everywhere: f"{result_file()}: ",
    not_json: f"{result_file()}: ",
    renamed_card: f"{result_file()}: name not as on the card",
    bad_card: "submission.toml",
    hostile_name: "no file of a submission",
    into_a_folder_above: "'submissions/README.md': no file of a submission",
    nothing: "it changes nothing",
}


@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__)
def test_what_is_not_one_submission_is_refused(
    make: Callable[[Path], None], checkout: tuple[Path, str]
) -> None:
    folder, base = checkout
    make(folder)
    committed(folder)
    with pytest.raises(SubmissionError) as caught:
        review(folder, base)
    message = str(caught.value)
    assert REFUSED[make] in message
    assert all(character.isprintable() or character == "\n" for character in message)
    assert len(message.splitlines()) < 60


def test_a_card_that_changes_alone_must_be_that_of_its_results(checkout: tuple[Path, str]) -> None:
    folder, _ = checkout
    accepted = committed(folder)
    renamed_card(folder)
    committed(folder)
    with pytest.raises(SubmissionError) as caught:
        review(folder, accepted)
    message = str(caught.value)
    assert all(f"{result_file(task)}: name not as on the card" in message for task in TASKS)


def test_ten_thousand_files_are_one_short_message(checkout: tuple[Path, str]) -> None:
    folder, base = checkout
    for number in range(2_000):
        (folder / f"{number}.txt").touch()
    committed(folder)
    with pytest.raises(SubmissionError) as caught:
        review(folder, base)
    assert "and 1,95" in str(caught.value)


@pytest.mark.parametrize("base", ["nowhere", "--output=x", "", "HEAD~99"])
def test_an_unknown_commit_is_named_as_usage(base: str, checkout: tuple[Path, str]) -> None:
    folder, _ = checkout
    committed(folder)
    with pytest.raises(UsageError, match="git cannot compare"):
        review(folder, base)
    assert not (folder / "x").exists()
    assert not Path("x").exists()


def steps(name: str) -> list[dict]:
    """Return the steps of a workflow."""
    content = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8"))
    return [step for job in content["jobs"].values() for step in job["steps"]]


def test_the_step_of_the_workflow_gives_the_verdict(checkout: tuple[Path, str], tmp_path: Path) -> None:
    (step,) = (step for step in steps("submission") if step.get("name") == "Review")
    folder, base = checkout
    committed(folder)
    folder.rename(tmp_path / "change")
    tool = tmp_path / "bin" / "bench"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\nexec {sys.executable} -m bench "$@"\n', encoding="utf-8")
    tool.chmod(0o755)
    environment = {
        **os.environ,
        "BASE": base,
        "PATH": f"{tool.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 0
    assert "one submission, 2 results" in tmp_path.joinpath("review.md").read_text(encoding="utf-8")
    (tmp_path / "change" / "setup.py").touch()
    committed(tmp_path / "change")
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 3
    assert "'setup.py': no file of a submission" in tmp_path.joinpath("review.md").read_text(encoding="utf-8")


def test_workflows_of_strangers_changes_may_only_read() -> None:
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        triggers = content[True]  # YAML reads the key `on` as a truth value
        assert "pull_request_target" not in triggers
        if "pull_request" in triggers:
            assert content["permissions"] == {"contents": "read"}
        for step in steps(path.stem):
            assert "${{" not in step.get("run", ""), "what a stranger names is passed by the environment"
