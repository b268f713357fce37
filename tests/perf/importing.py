"""Import of a data set of the size of CalMS21's unlabelled set: `python tests/perf/importing.py`.

Simulates 300 recordings of 20,000 frames in the official layout, four JSON files of 2 GB together, and runs
`bench pull` on them as a process of its own: into an empty store; again; and into another store, killed with
SIGKILL in the middle, then again. Prints times, the peak memory of the process, and sizes, and ends with exit
code 1 where the two stores are not the same bytes. Needs 3 GB in the temporary folder and some minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from bench.datasets import demo_unlabelled

NAME = demo_unlabelled.DATASET.name
PATIENCE = 0.02  # seconds between two looks at how far an import is


@dataclass(frozen=True)
class Import:
    """What one run of `bench pull` took, and what it said."""

    seconds: float
    mebibytes: float
    """Peak resident memory."""
    code: int
    said: str


def start(official: Path, home: Path) -> subprocess.Popen[str]:
    """Start `bench pull` of the official files into the store below `home`."""
    return subprocess.Popen(
        [sys.executable, "-m", "bench", "pull", NAME, "--from", str(official)],
        env={**os.environ, "BENCH_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(child: subprocess.Popen[str], began: float) -> Import:
    """Wait for an import; the peak memory is that of this process alone."""
    said = child.stdout.read() if child.stdout else ""
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return Import(time.perf_counter() - began, used.ru_maxrss / 1024, child.returncode, said.strip())


def pull(official: Path, home: Path) -> Import:
    """Run one import to its end."""
    began = time.perf_counter()
    found = finish(start(official, home), began)
    if found.code:
        raise SystemExit(f"bench pull ended with exit code {found.code}")
    return found


def pull_and_kill(official: Path, home: Path, shards: int) -> Import:
    """Run an import and kill it as soon as it has finished so many shards."""
    began = time.perf_counter()
    child = start(official, home)
    while child.poll() is None and finished(home) < shards:
        time.sleep(PATIENCE)
    if child.poll() is not None:
        raise SystemExit("the import was over before it could be killed")
    os.kill(child.pid, signal.SIGKILL)
    return finish(child, began)


def finished(home: Path) -> int:
    """Return how many shards the import below `home` has noted as complete."""
    for path in home.glob(".*.part/progress.json"):
        return len(json.loads(path.read_bytes())["shards"])
    return 0


def digests(home: Path) -> dict[str, str]:
    """Return file -> SHA-256 of all that lies below `home`."""
    files = sorted(path for path in home.rglob("*") if path.is_file())
    return {str(p.relative_to(home)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def size(folder: Path) -> str:
    """Return the size of all files below a folder."""
    return f"{sum(path.stat().st_size for path in folder.rglob('*') if path.is_file()) / 1e6:,.0f} MB"


def main() -> int:
    """Measure, print, and say whether the stores are the same."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=int, default=300)
    parser.add_argument("--frames", type=int, default=20_000, help="of each recording")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        official, once, killed = (Path(name) / part for part in ("official", "once", "killed"))
        began = time.perf_counter()
        demo_unlabelled.write(official, recordings=asked.recordings, frames=asked.frames)
        print(f"simulated {asked.recordings * asked.frames:,} frames in {time.perf_counter() - began:.0f} s")
        print(f"official files {size(official)}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        whole, again = pull(official, once), pull(official, once)
        shards = len([path for path in digests(once) if path.endswith(".parquet")])
        cut = pull_and_kill(official, killed, max(1, shards // 2))
        left = finished(killed)
        resumed = pull(official, killed)
        rows = [
            ["import", whole, ""],
            ["second import", again, ""],
            ["import, killed", cut, f"{left} of {shards} shards complete"],
            ["the same command again", resumed, ""],
        ]
        table = [[what, f"{f.seconds:.1f}", f"{f.mebibytes:.0f}", f.said or note] for what, f, note in rows]
        print(tabulate(table, headers=["", "seconds", "peak MiB", "said"], disable_numparse=True))
        same = digests(once) == digests(killed)
        print(
            f"store {size(once)} in {shards} shards; after the kill {'the same' if same else 'OTHER'} bytes"
        )
    return 0 if same and again.said.startswith("already there") else 1


if __name__ == "__main__":
    sys.exit(main())
