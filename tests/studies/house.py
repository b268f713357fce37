"""Figures of a checkout that say how it is built: sizes, imports, and branches that repeat a decision.

    python tests/studies/house.py FOLDER [--save NAME]

Reads the sources of `bench`, `baselines` and `tests` under FOLDER and runs none of them. Prints a table, and
keeps the same figures, with the names behind them, as `records/NAME.json`.

Imports      Every import counts, also inside functions and for type checking. `from a import b` reaches the
             module a.b where there is one, else a. That `import a.b` also runs a's front does not count.
Rooms        A file directly in `bench` is a room, and so is a file that the checkout's own list of rooms
             names, ORDER of tests/test_architecture.py; every other file is of the room of its folder.
Circles      Groups of modules, or of rooms, that reach each other by imports.
Arrows up    Imports of a room that stands later in that list. A folder that the list does not name stands
             below the files of the folder around it.
Branches     On kind: comparisons of something called kind with the name of a kind, and `isinstance` with the
             class of an answer. On recipes: `isinstance` with the class of a recipe, and whether something
             called recipe is None.
One importer Files, fronts of packages left out, that one other file alone imports.
"""

from __future__ import annotations

import argparse
import ast
import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

PACKAGES = ("bench", "baselines")
RECORDS = Path(__file__).parent / "records"
KINDS = {"frames", "segments", "clusters", "features"}
ANSWERS = {"Detections", "Clusters", "Derived", "Frames"}
"""Classes that stand for a kind."""
KIND_ROOMS = ("bench.kinds", "bench.submissions.forms", "bench.pages")
"""Where a branch on the kind of a task belongs."""
LONG_FILE, LONG_FUNCTION = 300, 40


@dataclass(frozen=True)
class Module:
    """One source file of a package."""

    name: str
    front: bool
    """Whether it is an `__init__.py`."""
    lines: int
    tree: ast.Module


def read(folder: Path) -> dict[str, Module]:
    """Return the modules of both packages by dotted name."""
    modules = {}
    for path in sorted(path for package in PACKAGES for path in (folder / package).rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        front = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if front else parts)
        source = path.read_text(encoding="utf-8")
        modules[name] = Module(name, front, source.count("\n"), ast.parse(source))
    return modules


def imports(module: Module, known: Mapping[str, Module]) -> set[str]:
    """Return the modules that one reaches by its import statements, itself left out."""
    names: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {target for name in names if (target := _nearest(name, known))} - {module.name}


def _nearest(name: str, known: Mapping[str, Module]) -> str | None:
    """Return the module of that name or, where it names what a module holds, that module."""
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name or None


def circles(edges: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return the groups of two or more names that reach each other, in order."""
    names = sorted(edges)
    number = {name: k for k, name in enumerate(names)}
    pairs = [(number[name], number[target]) for name in names for target in edges[name]]
    starts, ends = zip(*pairs, strict=True) if pairs else ((), ())
    graph = csr_array(([1] * len(pairs), (starts, ends)), shape=(len(names), len(names)))
    count, group = connected_components(graph, directed=True, connection="strong")
    groups = [[name for name in names if group[number[name]] == k] for k in range(count)]
    return sorted(one for one in groups if len(one) > 1)


def rooms_order(folder: Path) -> list[str]:
    """Return ORDER of the checkout's own test, as dotted names below `bench`, and `baselines`."""
    tree = ast.parse((folder / "tests" / "test_architecture.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ORDER":
            return [name.replace("/", ".") for name in ast.literal_eval(node.value)]
    raise SystemExit(f"{folder}: tests/test_architecture.py has no list ORDER")


def listed_name(module: Module) -> str:
    """Return the name of a module as ORDER writes it."""
    return module.name.removeprefix("bench.")


def room(module: Module, order: list[str]) -> str:
    """Return the room of a module as a dotted name: its folder, or itself where it is a room."""
    package, _, _ = module.name.rpartition(".")
    alone = module.front or package == "bench" or listed_name(module) in order
    return module.name if alone else package


def place(module: Module, order: list[str]) -> tuple[int, int] | None:
    """Return where a module stands: its place in the list, and how far below the room that is listed."""
    parts = listed_name(module).split(".")
    folders = parts if module.front else parts[:-1]
    for depth in range(len(parts), 0, -1):
        if (name := ".".join(parts[:depth])) in order:
            return order.index(name), min(0, depth - len(folders))
    return None


def arrows_up(modules: Mapping[str, Module], edges: Mapping[str, set[str]], order: list[str]) -> list[str]:
    """Return the imports that point up, as "importer -> imported"."""
    found = []
    for name, targets in edges.items():
        here = place(modules[name], order)
        for target in sorted(targets):
            there = place(modules[target], order)
            if here is not None and there is not None and there > here:
                found.append(f"{name} -> {target}")
    return found


def kind_branches(tree: ast.AST) -> int:
    """Count comparisons of something called kind with the name of a kind, and questions for its class."""
    count = _asked(tree, ANSWERS)
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            named = any(_called(side, "kind") for side in sides)
            texts = {
                leaf.value for side in sides for leaf in ast.walk(side) if isinstance(leaf, ast.Constant)
            }
            count += named and bool(texts & KINDS)
        elif isinstance(node, ast.Match):
            count += _called(node.subject, "kind")
    return count


def recipe_branches(tree: ast.AST, recipes: set[str]) -> int:
    """Count questions which recipe something is, or whether it is one."""
    count = _asked(tree, recipes)
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Is | ast.IsNot):
            nothing = any(isinstance(side, ast.Constant) and side.value is None for side in node.comparators)
            count += nothing and _called(node.left, "recipe")
        elif isinstance(node, ast.Match):
            count += _called(node.subject, "recipe")
    return count


def _asked(tree: ast.AST, classes: set[str]) -> int:
    """Count the calls of `isinstance` with any of these classes."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    asked = [call.args[1] for call in calls if ast.unparse(call.func) == "isinstance"]
    return sum(any(getattr(leaf, "id", None) in classes for leaf in ast.walk(names)) for names in asked)


def _called(node: ast.AST, name: str) -> bool:
    """Whether an expression is a variable, an attribute or a key of that name."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return node.slice.value == name
    return (isinstance(node, ast.Name) and node.id == name) or (
        isinstance(node, ast.Attribute) and node.attr == name
    )


def recipe_classes(modules: Mapping[str, Module]) -> set[str]:
    """Return the classes that a field called recipe may hold, and those that `baselines/recipes` declares."""
    found: set[str] = set()
    for module in modules.values():
        if not module.name.startswith("baselines"):
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "recipe":
                found |= {leaf.id for leaf in ast.walk(node.annotation) if isinstance(leaf, ast.Name)}
            if isinstance(node, ast.ClassDef) and module.name.startswith("baselines.recipes."):
                found.add(node.name)
    return found


def function_lengths(trees: Iterable[ast.AST]) -> Iterator[int]:
    """Yield the lines of every function and method, its decorators left out."""
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield (node.end_lineno or node.lineno) - node.lineno + 1


def figures(folder: Path) -> dict[str, Any]:
    """Return every figure of a checkout, and under "behind" the names that make it up."""
    modules = read(folder)
    edges = {name: imports(module, modules) for name, module in modules.items()}
    order = rooms_order(folder)
    room_of = {name: room(module, order) for name, module in modules.items()}
    rooms: dict[str, set[str]] = {name: set() for name in room_of.values()}
    for name, targets in edges.items():
        rooms[room_of[name]] |= {room_of[target] for target in targets} - {room_of[name]}
    around, room_circles = circles(edges), circles(rooms)
    up = arrows_up(modules, edges, order)
    recipes = recipe_classes(modules)
    kinds = Counter({name: kind_branches(module.tree) for name, module in modules.items()})
    asked = Counter({name: recipe_branches(module.tree, recipes) for name, module in modules.items()})
    importers = Counter(target for targets in edges.values() for target in targets)
    single = [name for name, module in modules.items() if importers[name] == 1 and not module.front]
    lengths = list(function_lengths(module.tree for module in modules.values()))
    tests = [path.read_text(encoding="utf-8") for path in sorted((folder / "tests").rglob("*.py"))]
    lines = {package: _lines(modules, package) for package in PACKAGES}
    return {
        "lines": sum(lines.values()),
        **{f"lines of {package}": count for package, count in lines.items()},
        "lines of tests": sum(source.count("\n") for source in tests),
        "files": len(modules),
        "files of tests": len(tests),
        f"files over {LONG_FILE} lines": sum(module.lines > LONG_FILE for module in modules.values()),
        "functions": len(lengths),
        "median function": median(lengths),
        f"functions over {LONG_FUNCTION} lines": sum(length > LONG_FUNCTION for length in lengths),
        "imports": sum(map(len, edges.values())),
        "circles of modules": len(around),
        "modules in circles": sum(map(len, around)),
        "circles of rooms": len(room_circles),
        "rooms in circles": sum(map(len, room_circles)),
        "arrows up": len(up),
        "branches on kind": kinds.total(),
        "branches on kind outside their rooms": sum(
            count for name, count in kinds.items() if not _inside(name, KIND_ROOMS)
        ),
        "files with branches on kind": sum(count > 0 for count in kinds.values()),
        "branches on recipes": asked.total(),
        "files with branches on recipes": sum(count > 0 for count in asked.values()),
        "files with one importer": len(single),
        "behind": {
            "circles of modules": around,
            "circles of rooms": room_circles,
            "arrows up": up,
            "branches on kind": {name: count for name, count in kinds.items() if count},
            "branches on recipes": {name: count for name, count in asked.items() if count},
            "files with one importer": single,
        },
    }


def _inside(name: str, rooms: Iterable[str]) -> bool:
    return any(f"{name}.".startswith(f"{room}.") for room in rooms)


def _lines(modules: Mapping[str, Module], package: str) -> int:
    return sum(module.lines for name, module in modules.items() if name.split(".")[0] == package)


def commit(folder: Path) -> str:
    """Return the commit that is checked out in a folder; empty outside a repository."""
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def main() -> None:
    """Print the figures of a checkout, and keep them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="the checkout")
    parser.add_argument("--save", metavar="NAME", help="keep the figures as records/NAME.json")
    options = parser.parse_args()
    found = figures(options.folder)
    for name, value in found.items():
        if name != "behind":
            print(f"{name:<37}{value:>8,}")
    if options.save:
        command = f"python tests/studies/house.py FOLDER --save {options.save}"
        content = {"command": command, "commit": commit(options.folder), "figures": found}
        RECORDS.mkdir(exist_ok=True)
        (RECORDS / f"{options.save}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        print(f"wrote {options.save}.json")


if __name__ == "__main__":
    main()
