"""Where the memory of `bench evaluate` goes: the peak of every step, on an entry as `linear.py` makes it.

    python tests/perf/memory.py [--times 10] [--save NAME]

The steps run in this process, one after the other: reading, the digest, cutting, measuring, and each metric
with its intervals. A thread looks at the resident memory every two milliseconds. Bytes a frame are those of
the peak above what the step began with.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import record
from tabulate import tabulate

from bench.evaluation import cut, measure
from bench.evaluation.details import MEASURES
from bench.evaluation.scores import score_all, together
from bench.submitting import read_submission

PAUSE = 0.002
"""Seconds between two looks."""
MAKE = "import sys; from pathlib import Path; import linear; linear.make(Path(sys.argv[1]), int(sys.argv[2]))"


@dataclass(frozen=True)
class Step:
    """One step of an evaluation."""

    name: str
    seconds: float
    before_mib: float
    peak_mib: float
    kept_mib: float
    """More than before, at the end."""


def resident() -> float:
    """Return the resident memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def watched(name: str, steps: list[Step]) -> Iterator[None]:
    """Append what the block took to `steps`."""
    before, began = resident(), time.perf_counter()
    peak, ended = before, threading.Event()

    def look() -> None:
        nonlocal peak
        while not ended.wait(PAUSE):
            peak = max(peak, resident())

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield
    finally:
        ended.set()
        looking.join()
    now = resident()
    steps.append(Step(name, time.perf_counter() - began, before, max(peak, now), now - before))


def evaluate(folder: Path) -> tuple[int, list[Step]]:
    """Return the number of frames, and what every step took."""
    steps: list[Step] = []
    with watched("read", steps):
        (submitted,) = read_submission(folder / "entry")
    task = submitted.task
    with watched("digest", steps):
        submitted.digest  # noqa: B018  it is computed when it is asked for
    with watched("cut", steps):
        cuts = cut(task, task.load_split(), submitted.recordings)
    with watched("measure", steps):
        measured = measure(task, cuts, submitted.predictions, None, MEASURES)
    for sharing in together(task.metrics):
        with watched(", ".join(metric.name for metric in sharing), steps):
            score_all(sharing, measured)
    return sum(recording.frames for recording in submitted.recordings.values()), steps


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the steps that take a megabyte or more, and save the record if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--save", metavar="NAME")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        making = [sys.executable, "-c", MAKE, name, str(options.times)]
        subprocess.run(making, cwd=Path(__file__).parent, check=True)  # so that this process stays small
        os.environ["BENCH_HOME"] = name
        began = resident()
        frames, steps = evaluate(Path(name))
    large = [step for step in steps if step.peak_mib - step.before_mib >= 1]
    rows = [[*asdict(one).values(), (one.peak_mib - one.before_mib) * 2**20 / frames] for one in large]
    print(f"{frames:,} frames; {began:.0f} MiB before the first step")
    heads = ["step", "seconds", "before MiB", "peak MiB", "kept MiB", "bytes a frame"]
    print(tabulate(rows, headers=heads, floatfmt=".1f"))
    if options.save:
        figures = {"frames": frames, "began_mib": began, "steps": [asdict(step) for step in steps]}
        record.save(options.save, __file__, sys.argv[1:], ("ethobench", "numpy", "pyarrow"), figures)


if __name__ == "__main__":
    main()
