"""How long the tests of two checkouts take in one run on one machine.

    python tests/studies/suite_time.py OLD NEW [--repeat N] [--target quick] [--save NAME]

Runs `make test` of each checkout, OLD first, then NEW, N times in turn, with this Python and the packages of
that checkout. Prints seconds, CPU seconds of all processes (user and system), how many tests passed, were
skipped or failed, and NEW's share of OLD's seconds, by the least of each. Then it collects the tests of both
and names the test functions that NEW has not. Tests find real data by ETHOBENCH_DATA, ETHOBENCH_GOLDEN and
ETHOBENCH_PAPERS: set them, so that both checkouts read the same.

Ends with 1 where a run failed. Keeps the figures as `records/NAME.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from checkouts import ended_well, python

RECORDS = Path(__file__).parent / "records"
COUNTS = ("passed", "skipped", "failed", "error")


@dataclass(frozen=True)
class Run:
    """One run of the tests of a checkout."""

    side: str
    """`old` or `new`."""
    seconds: float
    cpu_seconds: float
    tests: Mapping[str, int]
    """How many tests ended in each of COUNTS, over all pytest commands."""
    exit_code: int
    load: float
    """Mean number of waiting processes in the minute before."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests of both checkouts, print the table, and save the record if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--repeat", type=int, default=1, help="how often each side runs")
    parser.add_argument("--target", default="test", help="which target of the Makefile, e.g. quick")
    parser.add_argument("--save", metavar="NAME", help="keep the figures as records/NAME.json")
    options = parser.parse_args(arguments)
    checkouts = {"old": options.old.resolve(), "new": options.new.resolve()}
    runs = []
    for _ in range(options.repeat):
        for side, checkout in checkouts.items():
            runs.append(run(side, checkout, options.target))
            print(line(runs[-1]), flush=True)
    share = least(runs, "new") / least(runs, "old")
    print(f"new takes {share:.0%} of old's seconds")
    missing = sorted(functions(checkouts["old"]) - functions(checkouts["new"]))
    print(f"{len(missing)} test functions of old are not in new", *missing, sep="\n  ")
    if options.save:
        save(options.save, options.target, checkouts, runs, missing)
    return int(any(one.exit_code for one in runs))


def run(side: str, checkout: Path, target: str) -> Run:
    """Run a target of the checkout's Makefile with this Python; print the end of a failed run's output."""
    command = ["make", target, f"BIN={Path(sys.executable).parent}", "--assume-old=.venv/installed"]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    load = os.getloadavg()[0]
    with tempfile.TemporaryFile("w+") as output:
        before = time.perf_counter()
        child = subprocess.Popen(command, cwd=checkout, env=environment, stdout=output, stderr=output)
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - before
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if child.returncode:
        print(text[-4000:], file=sys.stderr)
    cpu = used.ru_utime + used.ru_stime
    return Run(side, round(seconds, 1), round(cpu, 1), counts(text), child.returncode, round(load, 2))


def counts(text: str) -> dict[str, int]:
    """Add the counts of every summary line, e.g. `12 passed, 1 skipped in 3.21s`."""
    summaries = [row for row in text.splitlines() if re.search(r"\d+ \w+.* in [\d.]+s\b", row)]
    return {
        count: sum(int(number) for row in summaries for number in re.findall(rf"(\d+) {count}", row))
        for count in COUNTS
    }


def least(runs: Sequence[Run], side: str) -> float:
    """Return the least seconds of one side."""
    return min(one.seconds for one in runs if one.side == side)


def line(one: Run) -> str:
    """Return what is printed of a run."""
    tests = ", ".join(f"{number:,} {count}" for count, number in one.tests.items())
    return f"{one.side}: {one.seconds:,.0f} s, {one.cpu_seconds:,.0f} CPU s; {tests}; load before {one.load}"


def functions(checkout: Path) -> set[str]:
    """Return the names of the test functions that pytest collects, without files and parameters."""
    done = ended_well(python(checkout, ["-m", "pytest", "--collect-only", "--quiet"], {}))
    names = (row.partition("[")[0].split("::") for row in done.stdout.decode().splitlines() if "::" in row)
    return {"::".join(parts[1:]) for parts in names}


def save(
    name: str, target: str, checkouts: Mapping[str, Path], runs: Sequence[Run], missing: Sequence[str]
) -> None:
    """Keep what was measured."""
    content: dict[str, Any] = {
        "command": f"python tests/studies/suite_time.py OLD NEW --target {target} --repeat {len(runs) // 2}",
        "commits": {side: commit(checkout) for side, checkout in checkouts.items()},
        "versions": {"python": platform.python_version()}
        | {package: version(package) for package in ("pytest", "pytest-xdist", "torch")},
        "cores": os.cpu_count(),
        "share": round(least(runs, "new") / least(runs, "old"), 3),
        "runs": [asdict(one) for one in runs],
        "functions_of_old_alone": list(missing),
    }
    RECORDS.mkdir(exist_ok=True)
    (RECORDS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {name}.json")


def commit(checkout: Path) -> str:
    """Return the commit that is checked out."""
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
