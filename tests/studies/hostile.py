"""What each hostile input costs: processor seconds and peak memory of every test that refuses one.

    python tests/studies/hostile.py                      the tests of FILES
    python tests/studies/hostile.py --save NAME          keep a record in records/NAME.json

A figure holds the making of the input too, and memory is that of the whole process, its libraries included:
both are upper bounds of what the refusal takes. Every module is imported beforehand, once and for all tests.
Inputs should be refused within 2 s and 300 MB. Needs a system that forks.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import platform
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
RECORDS = Path(__file__).parent / "records"
FILES = (
    "tests/submissions/test_hostile.py",
    "tests/submissions/test_broken.py",
    "tests/verification/test_hostile_results.py",
    "tests/datasets/test_hostile_numbers.py",
    "tests/files/test_bounds.py",
    "tests/files/test_unpickle.py",
)
SECONDS, MEGABYTES = 2.0, 300.0


class Costs:
    """A plugin of pytest that runs the body of each test in a process of its own, and notes what it takes."""

    def __init__(self) -> None:
        self.of_tests: dict[str, tuple[float, float]] = {}

    def pytest_collection_finish(self) -> None:
        """Import every module once, so that no test pays for it."""
        for module in pkgutil.walk_packages([str(ROOT / "bench")], "bench."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        """Run one test; note its processor seconds, and its peak in MB."""
        names = pyfuncitem._fixtureinfo.argnames
        child = os.fork()
        if child == 0:
            status = 1
            try:
                pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
                status = 0
            except BaseException:  # noqa: BLE001 - the process ends here
                traceback.print_exc()
            os._exit(status)
        _, status, used = os.wait4(child, 0)
        seconds, megabytes = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6
        self.of_tests[pyfuncitem.nodeid] = (round(seconds, 3), round(megabytes, 1))
        assert status == 0
        return True


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests, print the dearest, and say which pass a bound."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--save", metavar="NAME")
    options = parser.parse_args(arguments)
    os.chdir(ROOT)
    costs = Costs()
    failed = pytest.main(["-q", "-p", "no:cacheprovider", *FILES], plugins=[costs])
    dearest = sorted(costs.of_tests.items(), key=lambda cost: cost[1], reverse=True)
    largest = max(megabytes for _, megabytes in costs.of_tests.values())
    over = [name for name, (s, mb) in dearest if s > SECONDS or mb > MEGABYTES]
    for name, (seconds, megabytes) in dearest[:20]:
        print(f"{seconds:8.2f} s  {megabytes:6.0f} MB  {name}")
    print(f"{len(dearest)} tests; at most {dearest[0][1][0]:.2f} s and {largest:.0f} MB")
    print(f"beyond a bound: {', '.join(over) or 'none'}")
    if options.save:
        content = {
            "tests": len(dearest),
            "most_seconds": dearest[0][1][0],
            "most_megabytes": largest,
            "beyond_a_bound": over,
            "seconds_and_megabytes": costs.of_tests,
            "machine": platform.machine(),
            "python": platform.python_version(),
            "numpy": np.__version__,
        }
        (RECORDS / f"{options.save}.json").write_text(json.dumps(content, indent=1) + "\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
