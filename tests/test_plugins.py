"""Plugins: an installed package adds a task, a model, formats; a broken one is named; none leaves a trace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.plugins import BrokenPlugin, Plugin

ROOT = Path(__file__).parents[1]
TASKS = """
from dataclasses import replace
from functools import partial
from pathlib import Path
import numpy as np
from bench.datasets import demo
from bench.recordings import Recording, one_hot
from bench.splits import Split, RuledSplit
from bench.tasks import Dataset, Task
from bench.metrics import FRAME_METRICS

CLASSES = ("dig", "other")

def read(folder):
    for line in (folder / "toy.txt").read_text().splitlines():
        id_, letters = line.split()
        labels = one_hot(np.array([int(letter == "o") for letter in letters]), 2)
        yield Recording(id_, id_, 30.0, CLASSES, labels, np.ones(len(labels), dtype=bool))

def split():
    sides = {"train": ["a1", "a2"], "test": ["b1", "b2", "b3"]}
    return Split("toy", "toy", "By letter.", {"all": {s: {i: (i,) for i in ids} for s, ids in sides.items()}})

DATASET = Dataset(
    name="toy-digging", title="Digging", url="", licence="CC0", citation="none", fps=30.0,
    animals=(), keypoints=(), image=(0, 0), classes=CLASSES, files="toy.txt", read=read,
    official=("toy.txt",),
)
TASK = Task(
    name="toy-task", title="Digging", question="Does it dig?", dataset=DATASET, classes=CLASSES,
    background="other", split=RuledSplit(split), metrics=FRAME_METRICS,
)
TAKEN = replace(TASK, name="rat-dyads")
"""
MODELS = """
from dataclasses import replace
from baselines.models.prior import PRIOR

TOY = replace(PRIOR, model=f"{__name__}:toy_model", name="toy_model", title="Toy model")
"""
READERS = """
import numpy as np
from bench.datasets.formats.keypoints import Poses
from bench.datasets.formats.plugged import LabelReader, LabelTable, PoseReader

def labels(path):
    letters = path.read_text().strip()
    held = np.array([[letter == "d"] for letter in letters])
    return LabelTable(("dig",), held, np.ones(len(letters), dtype=bool))

def poses(path):
    x = np.array([float(number) for number in path.read_text().split()], dtype=np.float32)
    xy = np.stack([x, x + 1], axis=1)[:, None, None]
    return Poses(("rat",), ("nose",), xy, np.ones((len(x), 1, 1), dtype=np.float32))

LETTERS = LabelReader(labels)
LINES = PoseReader(poses)
"""
ENTRY_POINTS = """
[bench.tasks]
toy = toy_plugin.tasks:TASK
[bench.models]
toy_model = toy_plugin.models:TOY
[bench.readers]
letters = toy_plugin.readers:LETTERS
lines = toy_plugin.readers:LINES
"""
BROKEN = """
[bench.tasks]
absent = no_such_module:TASK
number = broken_plugin:NUMBER
quits = broken_plugin.quits:TASK
taken = toy_plugin.tasks:TAKEN
[bench.models]
gbdt = broken_plugin:NUMBER
lost = broken_plugin:NUMBER
[bench.readers]
none = broken_plugin:NUMBER
"""
MYLAB = """
[dataset]
name = "mylab"
fps = 30
image = [64, 48]
poses = { format = "lines", files = "*.x" }
labels = { format = "letters", files = "*.d" }
classes = ["dig", "other"]
background = "other"
test = ["m3"]
"""


def install(site: Path, name: str, points: str, files: dict[str, str]) -> None:
    """Put a distribution into a folder, as pip does."""
    info = site / f"{name}-1.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text(points)
    (site / name).mkdir()
    for path, text in {"__init__": "", **files}.items():
        (site / name / f"{path}.py").write_text(text)


@dataclass(frozen=True)
class User:
    """Someone in a folder, with packages or without."""

    folder: Path
    site: Path

    def bench(self, *command: str, plugged: bool = True, code: int = 0) -> tuple[str, str]:
        """Run a command; return what it printed on both streams."""
        paths = [str(self.site)] * plugged + [str(ROOT)]
        environment = os.environ | {
            "BENCH_HOME": str(self.folder / "home"),
            "PYTHONPATH": os.pathsep.join(paths),
        }
        done = subprocess.run(
            [sys.executable, "-m", "bench", *command],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout, done.stderr


@pytest.fixture
def user(tmp_path: Path) -> User:
    site = tmp_path / "site"
    install(site, "toy_plugin", ENTRY_POINTS, {"tasks": TASKS, "models": MODELS, "readers": READERS})
    folder = tmp_path / "work"
    (folder / "official").mkdir(parents=True)
    rows = {"a1": "ddooo", "a2": "odood", "b1": "dddo", "b2": "oodo", "b3": "oddooo"}
    (folder / "official" / "toy.txt").write_text("\n".join(f"{id_} {row}" for id_, row in rows.items()))
    (folder / "lab").mkdir()
    for number, row in enumerate(("ddo", "odod", "dodoo"), 1):
        (folder / "lab" / f"m{number}.d").write_text(row)
        (folder / "lab" / f"m{number}.x").write_text(" ".join(map(str, range(len(row)))))
    (folder / "lab" / "mylab.toml").write_text(MYLAB)
    return User(folder, site)


@pytest.mark.slow
def test_a_package_adds_a_task_a_model_and_formats_and_leaves_no_trace(user: User) -> None:
    user.bench("pull", "toy-digging", "--from", "official")
    assert user.bench("tasks")[0].count("toy-task") == 1
    user.bench("train", "toy_model", "--task", "toy-task")
    assert "Toy model on toy-task" in user.bench("evaluate", "submissions/toy_model")[0]
    assert "added task mylab" in user.bench("add", "lab/mylab.toml")[0]
    plugged = {
        line["name"] for line in json.loads(user.bench("doctor", "--json")[0]) if line["topic"] == "plugins"
    }
    assert plugged == {"toy", "toy_model", "letters", "lines"}

    listed, told = user.bench("tasks", plugged=False)
    assert "toy" not in listed
    assert "mylab" in listed  # its recordings are in the store
    assert not told
    assert "toy" not in user.bench("doctor", "--json", plugged=False)[0]
    assert "no dataset 'toy-task'" in user.bench("data", "toy-task", plugged=False, code=2)[1]
    user.bench("data", "mylab", plugged=False)
    wrong = user.bench("add", "lab/mylab.toml", plugged=False, code=2)[1]
    assert "letters" in wrong
    assert "boris" in wrong


@pytest.mark.slow
def test_a_broken_plugin_is_one_line_and_the_rest_goes_on(user: User) -> None:
    install(
        user.site, "broken_plugin", BROKEN, {"__init__": "NUMBER = 3\n", "quits": "raise SystemExit(7)\n"}
    )
    listed, told = user.bench("tasks")
    assert "toy-task" in listed
    lines = told.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("warning: plugin '") and "broken_plugin 1.5" in line for line in lines)
    for name, reason in {
        "absent": "ModuleNotFoundError",
        "number": "int",
        "quits": "SystemExit",
        "taken": "taken",
    }.items():
        assert any(f"'{name}'" in line and reason in line for line in lines)
    assert "'lost'" in user.bench("train", "lost", "--task", "toy-task", code=2)[1]
    assert "'none'" in user.bench("add", "lab/mylab.toml")[1]


def test_a_plugin_that_fails_gives_nothing_and_says_so() -> None:
    plugin = Plugin("bench.tasks", "mine", "package 2.0", "no_such_module_here:TASK")
    with pytest.warns(BrokenPlugin, match=r"'mine' of package 2.0"):
        assert plugin.load() is None
    assert plugin.module == "no_such_module_here"
