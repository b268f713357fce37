"""What answers without a look at the data score on a task: lines that every entry should be compared with.

They are computed from the stored recordings. Those of public data are frozen too, in
`leaderboard/reference/floors.json`, so that pages have them where no recordings are: `python -m bench.floors
TASK...` prints that file with the tasks that are named made anew.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache

from bench import store
from bench.datasets import get_task
from bench.errors import BenchError, DataError
from bench.evaluation import cut, measure, score_all, summarise_truth
from bench.kinds import kind_of
from bench.metrics import METRICS_VERSION
from bench.resources import resource
from bench.results import Result, canonical
from bench.tasks import Task


@dataclass(frozen=True)
class Floors:
    """What the floors of a task score by the metric that ranks."""

    truth_digest: str
    """Of what they were compared with."""
    metrics_version: int
    values: Mapping[str, float]
    """Floor -> value, in the order of the task's kind."""


def find_floors(result: Result) -> Floors | None:
    """Return the floors that a result can be compared with: frozen, else computed from the stored recordings.

    None where neither gives those of its truth, or where its kind has none.
    """
    if (frozen := frozen_floors_of(result)) is not None:
        return frozen
    task = get_task(result.task["name"])
    if not kind_of(task).floors or result.task["metrics"][0]["name"] != task.metrics[0].name:
        return None
    try:
        computed = compute_floors(task)
    except DataError:  # not all recordings are stored
        return None
    return computed if _comparable(computed, result) else None


def frozen_floors_of(result: Result) -> Floors | None:
    """Return the frozen floors of a result's task where they were compared with the same truth."""
    frozen = frozen_floors().get(result.task["name"])
    return frozen if frozen is not None and _comparable(frozen, result) else None


@cache
def frozen_floors() -> Mapping[str, Floors]:
    """Return what is frozen, by task."""
    path = resource("reference", "leaderboard/reference") / "floors.json"
    return {name: Floors(**fields) for name, fields in json.loads(path.read_bytes()).items()}


def compute_floors(task: Task) -> Floors:
    """Score the floors of a task; raise `DataError` where its recordings are not all stored."""
    split = task.load_split()
    subsets = [split.ids(part, subset) for part in split.parts for subset in ("train", "test")]
    ids = dict.fromkeys(id_ for some in subsets for id_ in some)
    recordings = {one.id: one for one in store.load(task.dataset, list(ids), poses=False)}
    cuts, ranking = cut(task, split, recordings), task.metrics[:1]
    values = {}
    for floor in kind_of(task).floors:
        answers = {
            part: floor.learn(task, [recordings[id_] for id_ in split.ids(part, "train")])
            for part in split.parts
        }
        predictions = {
            f"draw{draw}": {
                part: {id_: answer(recordings[id_], draw) for id_ in split.ids(part, "test")}
                for part, answer in answers.items()
            }
            for draw in range(floor.draws)
        }
        scores, _ = score_all(ranking, measure(task, cuts, predictions, "final"), resamples=0)
        values[floor.name] = scores[ranking[0].name].value
    return Floors(summarise_truth(task, cuts).truth_digest, METRICS_VERSION, values)


def main(names: list[str]) -> int:
    """Print the file of frozen floors; return the exit code."""
    try:
        computed = {name: compute_floors(get_task(name)) for name in names}
    except BenchError as fault:
        sys.stderr.write(f"{fault}\n")
        return fault.exit_code
    floors = {**frozen_floors(), **computed}
    sys.stdout.write(canonical({name: asdict(one) for name, one in floors.items()}).decode())
    return 0


def _comparable(floors: Floors, result: Result) -> bool:
    same_truth = floors.truth_digest == result.truth_digest
    return same_truth and floors.metrics_version == result.metrics_version


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
