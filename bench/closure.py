"""The import closure of a module: every source file of our own that its behaviour depends on.

Files are found and parsed, and nothing is executed. Packages of other people are left out: a digest states
their versions beside the closure. Parent packages do not count, so their `__init__` holds no code that a
module below them needs. What no parser can see is not followed: a module name in a string, an attribute of
a package that was imported whole. A file that reads data beside itself names them in a constant:

    RESOURCES = ("actions.json",)
"""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
from collections.abc import Callable, Collection, Iterator
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import resolve_name
from pathlib import Path

OWN = ("bench", "baselines")
"""The packages whose files count, besides the package of the module itself."""
METRIC_CODE = ("evaluation", "kinds", "metrics", "recordings.py")
"""What decides a number, in the package `bench`: files, and folders with all below them."""
Find = Callable[[str], Path | None]
"""Returns the file of a module, None where it has none."""


def import_closure(module: str) -> dict[str, Path]:
    """Return every file that a module depends on, itself included: dotted module name -> file.

    Data files are named `<module>/<path>`. Raises `ModuleNotFoundError` for a module of our own packages
    without a source file, and `FileNotFoundError` for a data file that is not there.
    """
    files: dict[str, Path] = {}
    packages = {*OWN, module.partition(".")[0]}
    find = cache(_find)  # modules import the same ones: each file is looked for once
    queue = [module]
    while queue:
        name = queue.pop()
        if name in files:
            continue
        files[name] = path = _source(name, find)
        for resource in _resources(path.read_bytes()):
            files[f"{name}/{resource}"] = path.parent / resource
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        queue += _imports(path, package, packages, find)
    return dict(sorted(files.items()))


def closure_digest(*modules: str) -> str:
    """Return the SHA-256 over the files in the closures of several modules: their names and their bytes."""
    files = {name: path for module in modules for name, path in import_closure(module).items()}
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        content = path.read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


@cache
def metric_code() -> str:
    """Return the SHA-256 over the code that measures, by name and content; words and line ends do not count.

    Empty where the package has no source files.
    """
    return metric_code_of(Path(__file__).parent)


def metric_code_of(package: Path) -> str:
    """Return the digest of `metric_code` for the sources of any version of the package `bench`."""
    digest = hashlib.sha256()
    files = [file for name in METRIC_CODE for file in ((package / name).rglob("*.py"), [package / name])]
    paths = sorted(path for group in files for path in group if path.suffix == ".py" and path.is_file())
    for path in paths:
        content = without_words(path.read_bytes())
        digest.update(f"{path.relative_to(package).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest() if paths else ""


def without_words(source: bytes) -> bytes:
    r"""Return a file of Python without comments, docstrings, other texts that stand alone, and blank lines.

    What is left is the text of the file, so that every version of Python gives the same.

    >>> without_words(b"'Words.'\n\nONE = '#1'  # the first\n'Words.'\n")
    b"ONE = '#1'\n"
    """
    source = source.replace(b"\r\n", b"\n")
    lines, kept = source.split(b"\n"), set[int]()
    words = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Expr)]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant | ast.JoinedStr) and node.end_lineno != node.lineno:
            kept.update(range(node.lineno, (node.end_lineno or 0) + 1))  # blanks within a text are code
    for text in words:
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            _take_out(lines, (text.lineno, text.col_offset), (text.end_lineno, text.end_col_offset))
            kept.difference_update(range(text.lineno, (text.end_lineno or 0) + 1))
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        if token.type == tokenize.COMMENT:
            start = len(token.line[: token.start[1]].encode())
            _take_out(lines, (token.start[0], start), (token.start[0], None))
    rows = ((line if row in kept else line.rstrip()) for row, line in enumerate(lines, start=1))
    return b"".join(line + b"\n" for row, line in enumerate(rows, start=1) if line or row in kept)


def _take_out(lines: list[bytes], start: tuple[int, int], stop: tuple[int | None, int | None]) -> None:
    """Put spaces in place of what stands between two places: line from 1 on, byte in it from 0 on."""
    (first, left), (last, right) = start, stop
    for row in range(first, (last or first) + 1):
        line = lines[row - 1]
        low, high = left if row == first else 0, right if row == last and right is not None else len(line)
        lines[row - 1] = line[:low] + b" " * (high - low) + line[high:]


def _imports(path: Path, package: str, packages: Collection[str], find: Find) -> Iterator[str]:
    """Yield the modules of `packages` that a file imports: at its top, and inside functions."""
    for module, names in _statements(path.read_bytes()):
        base = resolve_name(module, package) if module.startswith(".") else module
        if base.partition(".")[0] not in packages:
            continue
        if not names:
            yield base
        for name in names:
            if find(f"{base}.{name}") is None:
                yield base
                continue
            yield f"{base}.{name}"
            front = find(base)
            if front is not None and name in _defined(front.read_bytes()):  # a name of the package hides it
                yield base


@cache
def _statements(source: bytes) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return each import of a file as a module and the names taken from it."""
    statements: list[tuple[str, tuple[str, ...]]] = []
    queue: list[ast.AST] = [ast.parse(source)]
    while queue:
        node = queue.pop()
        if isinstance(node, ast.Import):
            statements += [(alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            statements.append((module, tuple(alias.name for alias in node.names)))
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            queue += node.orelse  # the other branch is for readers of types alone
        else:
            queue += ast.iter_child_nodes(node)
    return tuple(statements)


@cache
def _resources(source: bytes) -> tuple[str, ...]:
    """Return the data files that a file names in its constant `RESOURCES`."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and [ast.unparse(name) for name in node.targets] == ["RESOURCES"]:
            return tuple(ast.literal_eval(node.value))
    return ()


@cache
def _defined(source: bytes) -> frozenset[str]:
    """Return the functions, classes and constants that a file defines at its top."""
    names: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return frozenset(names)


def _source(module: str, find: Find) -> Path:
    path = find(module)
    if path is None:
        raise ModuleNotFoundError(f"no source file of module {module!r}", name=module)
    return path


def _find(module: str) -> Path | None:
    """Return the file of a module without importing its packages; None where it has none."""
    head, *rest = module.split(".")
    spec = PathFinder.find_spec(head)
    if spec is None:
        return None
    places = [Path(place) for place in spec.submodule_search_locations or ()]
    if not rest:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    for place in places:
        stem = place.joinpath(*rest)
        for path in (stem / "__init__.py", stem.with_name(f"{stem.name}.py")):
            if path.is_file():
                return path
    return None
