"""Make `leaderboard/reference/truths.json` again: `python -m bench.verification.freeze TASK...`.

Prints the file: the tasks that it holds, and those that are named, made anew from the stored recordings.
"""

from __future__ import annotations

import sys
from dataclasses import asdict

from bench.datasets import get_task
from bench.errors import BenchError
from bench.results import canonical
from bench.verification.results.truths import frozen_truths, stored_truth


def main(names: list[str]) -> int:
    """Print the file; return the exit code."""
    try:
        stored = {name: stored_truth(get_task(name)) for name in names}
    except BenchError as fault:
        sys.stderr.write(f"{fault}\n")
        return fault.exit_code
    truths = {**frozen_truths(), **stored}
    sys.stdout.write(canonical({name: asdict(truth) for name, truth in truths.items()}).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
