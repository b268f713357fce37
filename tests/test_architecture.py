"""The house: imports point downwards and in no circle, torch stays out of the harness, rooms stay small."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Collection
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ORDER = [
    "about",
    "errors",
    "closure",
    "display",
    "resources",
    "plugins",
    "files",
    "recordings",
    "splits",
    "metrics.kernels",
    "metrics.sampling",
    "metrics",
    "tasks",
    "kinds",
    "budgets",
    "datasets.formats",
    "datasets.splitting",
    "datasets.own",
    "datasets",
    "store",
    "adding",
    "access",
    "labelling",
    "hub",
    "datacard",
    "submissions.faults",
    "submissions.predictions",
    "submissions.fields",
    "submissions.card",
    "submissions.forms",
    "submissions",
    "results",
    "evaluation.details",
    "evaluation",
    "evidence",
    "history",
    "scoring",
    "verification.results",
    "verification",
    "published",
    "submitting",
    "rescoring",
    "ensembles",
    "remote_entries",
    "reviewing",
    "viewing",
    "doctor",
    "prior",
    "floors",
    "humans",
    "text",
    "pages",
    "baselines.dependencies",
    "baselines.switches",
    "baselines.contract",
    "baselines.recipes",
    "baselines.inputs",
    "baselines.adapters",
    "baselines.engine",
    "baselines.parts",
    "baselines.extractors",
    "baselines.models",
    "baselines.runs",
    "baselines.costs",
    "baselines.experiments",
    "baselines.reproduction",
    "baselines",
    "cli",
]
WRITES = re.compile(
    r"\.write_(?:text|bytes)\(|(?<!archive)[. ]open\((?!file, )[^\n]*[\"'](?:[wax][bt]*\+?[bt]*|rb?\+b?)[\"']"
    r"|savefig\(path|ParquetWriter\(path|[( ]FileLock\(self"
)
"""Ways to write a file that follow a link of its name, or leave half of it."""
SOURCES = sorted([*(ROOT / "bench").rglob("*.py"), *(ROOT / "baselines").rglob("*.py")])


def room(module: str) -> str | None:
    """Return the room of a dotted module name, the narrowest that ORDER lists.

    None for the package fronts and foreign modules; for a room that is not listed, its own name.
    """
    head, _, rest = module.partition(".")
    parts = module.split(".") if head == "baselines" else rest.split(".")
    if head not in ("bench", "baselines") or not parts[0]:
        return None
    names = [".".join(parts[:depth]) for depth in range(len(parts), 0, -1)]
    return next((name for name in names if name in ORDER), parts[0])


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return every node of a file's syntax tree: each file is read and parsed once."""
    return tuple(ast.walk(ast.parse(path.read_text())))


@cache
def imported(path: Path) -> frozenset[str]:
    """Return all that a file imports, by full name, also inside functions and type-checking blocks."""
    names: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_imports_point_downwards(path: Path) -> None:
    here = room(module_of(path))
    if here in (None, "__main__"):  # the fronts may show any room
        return
    assert here in ORDER, f"{path} is in no room of the house"
    for name in imported(path):
        there = room(name)
        if there in ORDER:
            assert ORDER.index(there) <= ORDER.index(here), f"{path} imports {name}, which is above it"


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_own_modules_are_imported_by_name(path: Path) -> None:
    """`import bench.x` hides from the import closure which names of which module are meant."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            assert not {alias.name for alias in node.names if room(alias.name) or alias.name == "bench"}


def test_every_folder_is_listed() -> None:
    folders = {module_of(path.parent / "__init__.py") for path in SOURCES}
    assert not {folder.removeprefix("bench").removeprefix(".") for folder in folders} - {"", *ORDER}


@pytest.mark.parametrize("package", ["bench", "baselines"])
def test_no_module_reaches_itself(package: str) -> None:
    modules = {module_of(path): path for path in SOURCES if path.is_relative_to(ROOT / package)}
    graph = {}
    for name, path in modules.items():
        imports = {module_within(other, modules) for other in imported(path)}
        graph[name] = imports - {name, None}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the modules


def module_within(name: str, modules: Collection[str]) -> str | None:
    """Return the module that an imported name is, or that holds it."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name or None


def test_the_guide_shows_the_order() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    shown = next(text for text in guide.split("`") if text.startswith(f"{ORDER[0]} < "))
    assert shown.split() == " < ".join(ORDER).split()


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_the_harness_never_imports_torch(path: Path) -> None:
    if path.is_relative_to(ROOT / "bench"):
        assert not {name for name in imported(path) if name.split(".")[0] == "torch"}


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_metrics_need_numpy_alone(path: Path) -> None:
    if path.is_relative_to(ROOT / "bench" / "metrics"):
        foreign = {name.split(".")[0] for name in imported(path)}
        assert foreign - set(sys.stdlib_module_names) <= {"numpy", "jaxtyping", "bench"}


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_files_are_opened_and_written_in_one_room(path: Path) -> None:
    """Formats that need care, and the way in which a file takes the place of another."""
    if not path.is_relative_to(ROOT / "bench" / "files"):
        source = path.read_text()
        assert not {"h5py", "tomllib", "mmap"} & imported(path)
        assert not [
            word for word in ("os.replace", "is_symlink", "O_NOFOLLOW", 'name}.part"') if word in source
        ]
        assert not WRITES.findall(source), "bench.files.writing writes"


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_rooms_stay_small(path: Path) -> None:
    source = path.read_text()
    assert source.count("\n") <= 400, f"{path} holds two ideas"
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, f"{path}: {node.name} is too long"


def test_help_does_not_import_what_scoring_needs() -> None:
    """`bench --help` is quick because numpy, pyarrow and torch wait for the command that needs them."""
    code = (
        "import sys, click.testing, bench.cli as c; r = click.testing.CliRunner().invoke(c.cli, ['--help']);"
        "assert r.exit_code == 0, r.output;"
        "print([m for m in ('numpy', 'pyarrow', 'torch', 'pandas', 'jinja2', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_scoring_works_with_torch_and_scikit_learn_blocked() -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'sklearn', 'pandas', 'matplotlib'): sys.modules[name] = None\n"
        "import bench.cli, bench.evaluation, bench.pages, bench.submissions, bench.store\n"
        "import bench.datasets, bench.text\n"
        "print('fine')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "fine", done.stderr
