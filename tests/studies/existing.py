"""How many lines of code what existed at an earlier commit has today, against then.

    python tests/studies/existing.py FOLDER THEN [--save NAME]

Reads `bench` and `baselines` of the checkout FOLDER as they are at its commit, and at the commit THEN.

Line of code  A line with a token that is neither a comment nor part of a docstring; blank lines are none.
Then          All lines of code at THEN.
Today         All lines of code of the files that carry on what existed then, whole files, with all that was
              added to them since. A file carries on what existed where git calls it the same or a renamed
              file (40 % alike), or where a third of its lines of code, without indentation, stood in any
              file at THEN: a file that was split, or joined from others. Each line at THEN counts once.
New           Lines of code of all other files: they serve what did not exist.
Survived      Lines of code at THEN that stand today in any file, apart from their indentation.

Moved lines count as lines that existed, and new abilities within an old file count as its lines: the figure
of today is the higher for it. Prints the figures, and keeps them with the files as `records/NAME.json`.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import subprocess
import tokenize
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PACKAGES = ("bench", "baselines")
RECORDS = Path(__file__).parent / "records"
ALIKE, SHARE = "40%", 1 / 3
"""From how much on git calls a file renamed, and a new file carries on what existed."""
NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def code_lines(source: str) -> list[str]:
    """Return the lines of code of a source, without their indentation."""
    inside: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        # a docstring, also one below a name
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value
        if isinstance(text, str):
            inside.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    numbers: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NO_CODE:
            numbers.update(range(token.start[0], token.end[0] + 1))
    rows = source.splitlines()
    return [rows[k - 1].strip() for k in sorted(numbers - inside) if rows[k - 1].strip()]


def sources(folder: Path, commit: str) -> dict[str, list[str]]:
    """Return the lines of code of every source file of a commit by path."""
    names = git(folder, "ls-tree", "-r", "--name-only", commit, "--", *PACKAGES).splitlines()
    return {
        name: code_lines(git(folder, "show", f"{commit}:{name}")) for name in names if name.endswith(".py")
    }


def same_files(folder: Path, then: str, now: str) -> set[str]:
    """Return the files of today that git calls the same as one at THEN, or renamed from one."""
    limits = (f"--find-renames={ALIKE}", "-l0")
    rows = git(folder, "diff", "--name-status", *limits, then, now, "--", *PACKAGES).splitlines()
    fields = [row.split("\t") for row in rows]
    added = {row[-1] for row in fields if row[0] == "A"}
    return set(git(folder, "ls-tree", "-r", "--name-only", now, "--", *PACKAGES).splitlines()) - added


def share_of(lines: Sequence[str], known: Counter[str]) -> float:
    """Return the share of lines that stood at THEN, each of those at most once; of no lines 0."""
    return (Counter(lines) & known).total() / max(len(lines), 1)


def figures(then: Mapping[str, list[str]], now: Mapping[str, list[str]], same: set[str]) -> dict[str, Any]:
    """Return the counts, and under "behind" the files of today with their lines."""
    known = Counter(line for lines in then.values() for line in lines)
    today = Counter(line for lines in now.values() for line in lines)
    carried = {name for name, lines in now.items() if name in same or share_of(lines, known) >= SHARE}
    lines_today = sum(len(now[name]) for name in carried)
    return {
        "lines then": known.total(),
        "lines today of what existed": lines_today,
        "difference": lines_today - known.total(),
        "lines of new files": today.total() - lines_today,
        "survived": (known & today).total(),
        "files then": len(then),
        "files today of what existed": len(carried),
        "new files": len(now) - len(carried),
        "behind": {
            "what existed": {name: len(now[name]) for name in sorted(carried)},
            "new": {name: len(now[name]) for name in sorted(now.keys() - carried)},
        },
    }


def git(folder: Path, *words: str) -> str:
    """Return what a git command prints in a folder."""
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout


def main() -> None:
    """Print the figures, and keep them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="the checkout")
    parser.add_argument("then", help="the earlier commit")
    parser.add_argument("--save", metavar="NAME", help="keep the figures as records/NAME.json")
    options = parser.parse_args()
    commits = [git(options.folder, "rev-parse", name).strip() for name in (options.then, "HEAD")]
    then, now = (sources(options.folder, commit) for commit in commits)
    counts = figures(then, now, same_files(options.folder, *commits))
    for name, value in counts.items():
        if name != "behind":
            print(f"{name:<30}{value:>8,}")
    if options.save:
        command = f"python tests/studies/existing.py FOLDER {options.then} --save {options.save}"
        content = {"command": command, "commits": commits, "figures": counts}
        RECORDS.mkdir(exist_ok=True)
        (RECORDS / f"{options.save}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        print(f"wrote {options.save}.json")


if __name__ == "__main__":
    main()
