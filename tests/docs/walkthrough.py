"""Tutorials as programs: the blocks of a page, and running them one after another in a folder.

```console            lines that begin with "$ " are commands, the others what they print, `...` for anything
```python             is executed, in one session per page; lines with >>> as doctests
```x title="FILE"     is written into FILE
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import runpy
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from bench.cli import cli
from bench.errors import BenchError

FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GIT = ["git", "-c", "user.name=nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false"]


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    language: str
    file: str
    """Where it is written; empty where it is run."""
    text: str


@dataclass(frozen=True)
class Step:
    """One command, what the page says that it prints, and what it printed."""

    command: str
    expected: str
    printed: str

    @property
    def agrees(self) -> bool:
        """Whether the page says what was printed; `...` stands for anything."""
        check = doctest.OutputChecker().check_output
        return check(f"{self.expected}\n", f"{self.printed}\n", doctest.ELLIPSIS)


def blocks(markdown: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    return [
        Block(language, (re.findall(r'title="([^"]+)"', rest) or [""])[0], text)
        for language, rest, text in FENCE.findall(markdown)
    ]


def commands(block: Block) -> list[tuple[str, str]]:
    """Return the commands of a console block, each with the output that the page shows."""
    parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    return [(head, tail.strip("\n")) for head, _, tail in (part.partition("\n") for part in parts[1:])]


def walk(markdown: str) -> Iterator[Step]:
    """Run every block of a page in the current folder; yield every command."""
    session: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(markdown):
        if block.file:
            Path(block.file).parent.mkdir(parents=True, exist_ok=True)
            Path(block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "python" and ">>>" not in block.text:
            exec(compile(block.text, "page", "exec"), session)  # noqa: S102
        elif block.language == "console":
            for command, expected in commands(block):
                yield Step(command, expected, run(command).rstrip().strip("\n"))


def run(command: str) -> str:
    """Return what a command prints; of `bench` without what it tells on the other stream beside an error."""
    program, *arguments = shlex.split(command)
    if program == "bench":
        return run_bench(arguments)
    if program == "python":
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            runpy.run_path(arguments[0], run_name="__main__")
        return printed.getvalue()
    if program == "git":
        done = subprocess.run([*GIT, *arguments], capture_output=True, text=True, check=True)
        return done.stdout
    raise ValueError(f"a tutorial may not run {program!r}")


def run_bench(arguments: list[str]) -> str:
    """Run the command line here; a fault of the input is text, as `bench` prints it."""
    done = CliRunner().invoke(cli, arguments)
    if isinstance(done.exception, BenchError):
        return f"{done.stdout}error: {done.exception}"
    if done.exception is not None:
        raise done.exception
    return done.stdout
