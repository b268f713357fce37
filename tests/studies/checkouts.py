"""Running one command in two checkouts of this project, so that what they write can be compared."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def bench(
    checkout: Path, arguments: Sequence[str], variables: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """Run `bench` of a checkout in its folder; standard output and error are pipes."""
    return python(checkout, ["-m", "bench", *arguments], variables)


def python(
    checkout: Path, arguments: Sequence[str], variables: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """Run Python with the packages of a checkout, in its folder; standard output and error are pipes."""
    environment = {**os.environ, **variables, "PYTHONPATH": str(checkout)}
    environment.pop("COLUMNS", None)
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, check=False)


def ended_well(done: subprocess.CompletedProcess[bytes]) -> subprocess.CompletedProcess[bytes]:
    """Return what was run; raise `SystemExit` with its messages where it failed."""
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, done.args))}\n{done.stderr.decode()}")
    return done
