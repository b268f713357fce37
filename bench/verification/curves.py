"""Files that `bench curve` wrote, read and checked: shape, name, digest, and means that follow from runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.errors import DataError, FileError, first
from bench.files.faults import Fault
from bench.files.litter import is_litter
from bench.files.schema import (
    FLAG,
    Schema,
    choice,
    leaf,
    listed,
    mapping,
    nullable,
    number,
    table,
    text,
    whole,
)
from bench.files.schema import is_number as is_finite
from bench.files.strict_json import read_json
from bench.results import MEMORY, digest_of
from bench.verification.results.numbers import mean, near

BYTES = 16 * 2**20
"""Of the largest file that is read; forty metrics of four fractions have 0.1 MB."""
_VALUE = leaf('a number, null, or "inf"', lambda value: value is None or value == "inf" or is_finite(value))
_PERHAPS = leaf("text, perhaps empty", lambda value: value == "" or not text().faults(value))
_SCORE = table(
    {
        **dict.fromkeys(("value", "low", "high", "std_runs"), _VALUE),
        "per_run": mapping(_VALUE, least=1, most=100),
        "per_class": mapping(_VALUE, most=1_000),
    }
)
_SCORES = mapping(_SCORE, least=1, most=500)
_AMOUNT = table({"groups": whole(0), "recordings": whole(0), "frames": whole(0)})
_POINT = table(
    {
        "fraction": number(0, 1),
        "labelled": mapping(mapping(_AMOUNT, least=1, most=1_000), least=1, most=100),
        "scores": _SCORES,
    }
)
_GROUP = table({"group": text(200), "tested": _AMOUNT, "values": mapping(_VALUE, least=1, most=500)})
_COMMON: Mapping[str, Schema] = {
    "format": whole(1, 1),
    "varied": choice("labels", "groups"),
    "rule": text(1_000),
    "model": table({"name": text(), "title": text(200), "remark": nullable(text(200))}),
    "task": table({"name": text(), "title": text(200), "simulated": FLAG}),
    "split_digest": _PERHAPS,
    "metrics_version": whole(1),
    "metrics": listed(
        table({"name": text(), "title": text(), "unit": _PERHAPS, "higher_is_better": FLAG}), 1, 500
    ),
    "seeds": listed(whole(0), 1, 100),
    "digest": text(),
}
_SHAPES = {
    "labels": table({**_COMMON, "points": listed(_POINT, 1, 100)}),
    "groups": table({**_COMMON, "groups": listed(_GROUP, 2, 10_000), "scores": _SCORES}),
}


def read_curves(folder: Path) -> tuple[list[dict[str, Any]], DataError | None]:
    """Return what the sound files of a folder hold, in the order of their names, and an error about others.

    A folder that is not there holds none.
    """
    sound, faults = [], []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        if is_litter(path.name):
            continue
        content, wrong = read_curve(path)
        if wrong:
            faults.append(f"{path.name}: {wrong[0]}")
        else:
            sound.append(content)
    if not faults:
        return sound, None
    title = f"{len(faults)} files of bench curve in {folder} are not as they should be"
    return sound, DataError(title, first(faults), hint="make them anew with bench curve, or take them away")


def read_curve(path: Path) -> tuple[dict[str, Any], list[Fault]]:
    """Return what a file holds, and every fault of it."""
    try:
        content = read_json(path, BYTES, memory=MEMORY)
    except FileError as fault:
        return {}, [Fault((), fault.title, "a file that bench curve wrote")]
    varied = content.get("varied") if isinstance(content, dict) else None
    shape = _SHAPES["groups" if varied == "groups" else "labels"]
    if wrong := shape.faults(content):
        return {}, wrong
    return content, list(_faults(path, content))


def _faults(path: Path, content: Mapping[str, Any]) -> Iterator[Fault]:
    expected = f"{content['task']['name']}--{content['model']['name']}--{content['varied']}.json"
    if path.name != expected:
        yield Fault((), f"the name {path.name}", expected)
    names = {metric["name"] for metric in content["metrics"]}
    for place, scores in _all_scores(content):
        if scores.keys() != names:
            yield Fault(place, ", ".join(sorted(scores)), ", ".join(sorted(names)))
        for name, score in scores.items():
            runs = list(score["per_run"].values())
            if (
                all(map(is_finite, runs))
                and is_finite(score["value"])
                and not near(score["value"], mean(runs))
            ):
                yield Fault(
                    (*place, name, "value"), str(score["value"]), f"{mean(runs)}, the mean of its runs"
                )
    if content["digest"] != (digest := digest_of(content)):
        yield Fault(("digest",), content["digest"], f"{digest}, of what the file holds")


def _all_scores(content: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    for number_, point in enumerate(content.get("points", ())):
        yield ("points", number_, "scores"), point["scores"]
    if "scores" in content:
        yield ("scores",), content["scores"]
