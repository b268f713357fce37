"""Many units side by side: on the cores or the card of one machine, or on an existing Dask cluster.

Workers share a folder with the process that asked: each writes checkpoints, log and scores there, as one
process alone would. A worker that dies is replaced, and its unit goes on after its last finished epoch. On
a cluster each worker needs this package, the recordings in its own `$BENCH_HOME` and, because torch draws
from one generator per process, one thread: `dask worker --nthreads 1 ADDRESS`.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tqdm import tqdm

from baselines.runs.job import Job, check_device, whereabouts
from baselines.runs.unit import Unit, elsewhere
from bench.about import install_hint
from bench.errors import BenchError, DataError, UsageError
from bench.files.writing import appending

if TYPE_CHECKING:
    from distributed import Client, Future

Work = Job | Unit
"""What a worker does in one go: a training that others need, or a unit."""
Outcome = tuple[Work, BenchError | None]
"""Work that ended, and why where it failed."""

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

    @contextmanager
    def at_work(self) -> Iterator[Callable[[Sequence[Work]], Generator[Outcome, None, None]]]:
        """Give a function that does works, in any order, and yields each when it is on the disk, or why not.

        Work fails by itself, or by taking its workers down again and again; the others go on. Raises
        `UsageError` where the cluster cannot be reached, `BenchError` where it is lost.
        """
        with self._client() as client:
            yield partial(as_they_finish, client)

    def check(self) -> None:
        """Raise `UsageError` where the engine is not installed, or the cluster does not answer."""
        if find_spec("distributed") is None:
            raise UsageError("several workers need dask", hint=install_hint("cluster"))
        if self.cluster is not None:
            with self._client():
                pass

    @contextmanager
    def _client(self) -> Iterator[Client]:
        from distributed import Client, LocalCluster
        from distributed.utils import silence_logging_cmgr

        if self.cluster is None:
            with (
                LocalCluster(
                    n_workers=self.workers,
                    threads_per_worker=1,
                    memory_limit=None,  # a share of the memory each would end large runs on idle machines
                    dashboard_address=None,
                    scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # 8787 may be another crew's
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


def as_they_finish(client: Client, works: Sequence[Work]) -> Generator[Outcome, None, None]:
    """Send all works; yield each when it ends, with a line of who did it and a bar over all.

    Dask blames the death of a worker on all works that waited for it: those are tried again, each alone.
    """
    from distributed import KilledWorker, as_completed

    if not works:
        return
    logs = dict.fromkeys(str(work.log.parent / "<seed>-<part>.log") for work in works)
    print(f"{len(works)} to train; each logs into {', '.join(logs)}", file=sys.stderr)
    if not client.scheduler_info()["workers"]:
        print("the cluster has no workers yet: waiting for them", file=sys.stderr)
    sent = {_send(client, work): work for work in works}
    suspects: list[Work] = []
    finished, number, alone = as_completed(sent), 0, len(works) == 1
    with tqdm(total=len(works), unit=" trained", leave=False, disable=None) as bar:
        for future in finished:
            work = sent.pop(future)
            if isinstance(future.exception(), KilledWorker) and not alone:
                suspects.append(work)
            else:
                words, fault = _ended(work, future)
                number += 1
                bar.update()
                tqdm.write(f"{work.title}: {words} ({number} of {len(works)})", file=sys.stderr)
                yield work, fault
            if suspects and not sent:
                alone, work = True, suspects.pop(0)
                another = _send(client, work)
                sent[another] = work
                finished.add(another)


def _send(client: Client, work: Work) -> Future:
    """Ask for one piece of work, in a shared folder whose name holds in every process."""
    shared = elsewhere(work) if isinstance(work, Unit) else work
    return client.submit(do, shared, pure=False)  # a key of its own: Dask would take equal calls for one


def _ended(work: Work, future: Future) -> tuple[str, BenchError | None]:
    """Say how work ended, and the fault where it failed.

    Raises `BenchError` where no other work can go on either.
    """
    from distributed import CancelledError, KilledWorker

    try:
        took = future.result()
    except CancelledError as fault:
        raise BenchError(
            "the scheduler went away", hint="run the same command again: what is finished stays"
        ) from fault
    except KilledWorker:
        failed = BenchError(
            f"{work.name} ended worker after worker",
            [f"the last lines of {work.log} may say why; often it is memory"],
            hint="run the same command again with fewer --workers: what is finished stays",
        )
        return failed.title, failed
    except BenchError as fault:
        return f"failed: {fault.title}", fault
    shared = isinstance(work, Job) and work.folder is None  # in the worker's own $BENCH_HOME
    if not shared and not work.is_done():
        raise DataError(
            f"{work.path} was written by a worker and is not seen here",
            hint="give --out a folder that all workers share",
        )
    return took, None


def do(work: Work) -> str:
    """Do a piece of work in this process, logging beside it; return how long it took and who did it.

    Raises `DataError` where recordings, code or libraries here are not those of the process that asked.
    """
    began = time.monotonic()
    tqdm.set_lock(threading.RLock())  # its own is shared by processes, and leaks where one is killed
    with ONE_AT_A_TIME, appending(work.log) as log, redirect_stderr(log):
        print(whereabouts(), file=sys.stderr)
        check_device((work.job if isinstance(work, Unit) else work).run.device)
        work.train()
    return f"{time.monotonic() - began:.0f} s, {whereabouts()}"
