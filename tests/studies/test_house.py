"""The figures of a checkout small enough to count by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "house.py"
TASK = "from bench.tasks import Task"
FILES = {
    "bench/__init__.py": [TASK],
    "bench/tasks.py": [
        "class Task:",
        "    def length(self):",
        "        return 1 if self.kind == 'frames' else 2",
    ],
    "bench/metrics/__init__.py": [],
    "bench/metrics/f1.py": ["from bench.metrics.kernels.pool import pool"],
    "bench/metrics/kernels/__init__.py": [],
    "bench/metrics/kernels/pool.py": [
        "def pool():",
        "    from bench.metrics import f1",
        "    import bench.store",
    ],
    "bench/store.py": [TASK, "A = Task.kind in ('segments', 'clusters')", "B = isinstance(Task, Detections)"],
    "bench/pages/__init__.py": [TASK, "A = Task.kind == 'frames'"],
    "baselines/__init__.py": [],
    "baselines/recipes/trees.py": ["class Trees:", "    pass"],
    "baselines/runs.py": [
        "from baselines.recipes.trees import Trees",
        "def run(recipe, kind):",
        "    return recipe is None or isinstance(recipe, Trees | int) or kind == 'a'",
    ],
    "tests/test_architecture.py": ["ORDER = ['metrics', 'tasks', 'store', 'pages', 'baselines']"],
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, lines in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    return tmp_path


def test_a_small_checkout(checkout: Path) -> None:
    code = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); import house; from pathlib import Path;"
        "print(json.dumps(house.figures(Path(sys.argv[2]))))"
    )
    command = [sys.executable, "-c", code, str(SCRIPT.parent), str(checkout)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert found["lines of bench"] == 13
    assert found["files"] == 11
    assert found["functions"] == 3
    assert found["median function"] == 2
    behind = found["behind"]
    assert behind["circles of modules"] == [["bench.metrics.f1", "bench.metrics.kernels.pool"]]
    assert behind["circles of rooms"] == [["bench.metrics", "bench.metrics.kernels"]]
    assert behind["arrows up"] == [
        "bench.metrics.kernels.pool -> bench.metrics.f1",
        "bench.metrics.kernels.pool -> bench.store",
    ]
    assert behind["branches on kind"] == {"bench.pages": 1, "bench.store": 2, "bench.tasks": 1}
    assert found["branches on kind outside their rooms"] == 3
    assert behind["branches on recipes"] == {"baselines.runs": 2}
    assert behind["files with one importer"] == [
        "baselines.recipes.trees",
        "bench.metrics.f1",
        "bench.metrics.kernels.pool",
        "bench.store",
    ]


@pytest.mark.slow
def test_the_table_of_this_checkout() -> None:
    command = [sys.executable, str(SCRIPT), str(SCRIPT.parents[2])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "median function" in done.stdout
