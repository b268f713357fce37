"""Many units side by side: on the cores or the card of one machine, or on an existing Dask cluster.

Workers share a folder with the process that asked: each writes checkpoints, log and scores there, as one
process alone would. A worker that dies is replaced, and its unit goes on after its last finished epoch. On
a cluster each worker needs this package, the recordings in its own `$BENCH_HOME` and, because torch draws
from one generator per process, one thread: `dask worker --nthreads 1 ADDRESS`.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tqdm import tqdm

from baselines.runs import Inputs, differences, load_part
from baselines.units import Unit, check_device
from bench.errors import BenchError, DataError, UsageError

if TYPE_CHECKING:
    from distributed import Client

PATIENCE = 5.0
"""Seconds in which a scheduler answers, or is not there."""

ONE_AT_A_TIME = threading.Lock()
"""torch draws its random numbers from one generator per process, so a process trains one unit at a time."""


@dataclass(frozen=True)
class Crew:
    """Who trains: so many processes of this machine, or the workers of a cluster."""

    workers: int = 1
    cluster: str | None = None
    """The address of its scheduler, `tcp://HOST:PORT`; None for this machine."""

    def train(self, units: Sequence[Unit]) -> Generator[Unit, None, None]:
        """Train all units, in any order; yield each when its scores are on the disk.

        Raises `UsageError` where the cluster cannot be reached, `BenchError` where a unit fails or takes
        its workers down again and again. What is not finished then goes on with the next call.
        """
        if not units:
            return
        with self._client() as client:
            yield from _as_they_finish(client, units)

    @contextmanager
    def _client(self) -> Iterator[Client]:
        if find_spec("distributed") is None:
            raise UsageError("several workers need dask", hint="pip install 'rodent-bench[cluster]'")
        from distributed import Client, LocalCluster
        from distributed.utils import silence_logging_cmgr

        if self.cluster is None:
            with (
                LocalCluster(
                    n_workers=self.workers,
                    threads_per_worker=1,
                    memory_limit=None,  # a share of the memory each would end large runs on idle machines
                    dashboard_address=None,
                    silence_logs=logging.CRITICAL,  # its faults are ours to tell
                    security=True,  # or any user of this machine could send it work
                ) as local,
                Client(local) as client,
            ):
                yield client
            return
        with silence_logging_cmgr(logging.CRITICAL):
            try:
                client = Client(self.cluster, timeout=PATIENCE)
            except (OSError, ValueError) as fault:
                raise UsageError(
                    f"no Dask scheduler answers at {self.cluster}",
                    [str(fault)],
                    hint="start one with `dask scheduler`, and give the address that it prints",
                ) from fault
            with client:
                yield client


def _as_they_finish(client: Client, units: Sequence[Unit]) -> Generator[Unit, None, None]:
    """Send all units; yield each when it is done, with a line of who did it and a bar over all."""
    from distributed import CancelledError, KilledWorker, as_completed

    print(f"{len(units)} to train; each logs into {units[0].run.folder}/<seed>-<part>.log", file=sys.stderr)
    if not client.scheduler_info()["workers"]:
        print("the cluster has no workers yet: waiting for them", file=sys.stderr)
    # a key of its own each: Dask would take equal calls for one
    sent = {client.submit(work, _absolute(unit), pure=False): unit for unit in units}
    with tqdm(total=len(units), unit=" trained", leave=False, disable=None) as bar:
        for number, future in enumerate(as_completed(sent), start=1):
            unit = sent[future]
            try:
                took = future.result()
            except KilledWorker as fault:
                raise BenchError(
                    f"{unit.name} ended worker after worker",
                    [f"the last lines of {unit.log} may say why; often it is memory"],
                    hint="run the same command again with fewer --workers: what is finished stays",
                ) from fault
            except CancelledError as fault:
                raise BenchError(
                    "the scheduler went away", hint="run the same command again: what is finished stays"
                ) from fault
            if not unit.is_done():
                raise DataError(
                    f"{unit.path} was written by a worker and is not seen here",
                    hint="give --out a folder that all workers share",
                )
            bar.update()
            line = f"seed {unit.run.seed}, part {unit.part}: {took} ({number} of {len(units)})"
            tqdm.write(line, file=sys.stderr)
            yield unit


def _absolute(unit: Unit) -> Unit:
    """Name the shared folder in a way that holds in every process."""
    return replace(unit, run=replace(unit.run, folder=unit.run.folder.absolute()))


def work(unit: Unit) -> str:
    """Train one unit in this process, logging beside its scores; return how long it took and who did it.

    Raises `DataError` where recordings, code or libraries here are not those of the process that asked.
    """
    began, here = time.monotonic(), f"process {os.getpid()} on {socket.gethostname()}"
    unit.log.parent.mkdir(parents=True, exist_ok=True)
    tqdm.set_lock(threading.RLock())  # its own is shared by processes, and leaks where one is killed
    with ONE_AT_A_TIME, unit.log.open("a", buffering=1) as log, redirect_stderr(log):
        print(here, file=sys.stderr)
        check_device(unit.run.device)
        data = load_part(unit.run.task, unit.run.recipe, unit.part)
        if differing := differences(_of_part(unit.inputs, unit.part), unit.run.inputs({unit.part: data})):
            raise DataError(f"{here} would train otherwise than asked", differing)
        unit.train(data)
    return f"{time.monotonic() - began:.0f} s, {here}"


def _of_part(inputs: Inputs, part: str) -> Inputs:
    """Leave out the recordings of other parts, which a worker does not read."""
    return {
        name: {part: value[part]} if name.endswith(" recordings") else value for name, value in inputs.items()
    }
