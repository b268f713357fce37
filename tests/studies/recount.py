"""Bring results of earlier formats to the present one; no number that they hold may move.

    python tests/studies/recount.py PREDICTIONS [RESULTS]

PREDICTIONS holds `<entry>/<task>/<run>...`; RESULTS is `leaderboard/results` unless it is named.

Predictions at hand   The result is scored again with the card that it was scored with; the recordings must be
                      imported. It is written only where the digest of the predictions and all that the file
                      held are as before.
Counts alone          A result of format 2 gets the values without each group of the metrics that follow from
                      its counts, and an empty list for the others.
Neither               The result stays as it is, and the script says so.

The exit code is 1 where a number would have moved.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench import evaluation, results
from bench.datasets import get_task
from bench.evaluation.details import part_counts
from bench.results import Result
from bench.submitting import read_submission
from bench.verification.results import read_results

NEW = ("format", "digest", "provenance", "group_frames")
NEW_IN_PARTS = ("categories",)
NEW_IN_RECORDINGS = ("group", "counts")


def main(predictions: Path, folder: Path) -> int:
    """Bring to the present format what can be, and say so of every result."""
    moved = 0
    for old in read_results(folder):
        if old.format == results.FORMAT:
            continue
        place = predictions / old.entry["id"]
        if (place / old.task["name"]).is_dir():
            made, how = scored_again(place, old), "scored again"
        elif old.format == 2 and old.details:
            made, how = from_counts(old), "values without each group from its counts, where they follow"
        else:
            sys.stdout.write(f"{old.file_name}: neither predictions nor counts, left as it is\n")
            continue
        same = without_new(results.to_json(made), old) == without_new(results.to_json(old), old)
        moved += not same
        if same:
            results.write(replace(made, provenance=old.provenance), folder)
        sys.stdout.write(f"{old.file_name}: {how if same else 'NOT THE SAME, left as it is'}\n")
    return int(moved > 0)


def scored_again(place: Path, old: Result) -> Result:
    """Score the predictions of an entry with the card that it was scored with."""
    (submitted,) = read_submission(place, old.task["name"])
    return evaluation.evaluate(submitted.task, old.entry, submitted.predictions, submitted.recordings)


def from_counts(old: Result) -> Result:
    """Add what follows from the counts of every recording."""
    measured = evaluation.measured_of(old)
    if measured is None:
        raise ValueError(f"{old.file_name} holds no counts")
    metrics = evaluation.counted_metrics(get_task(old.task["name"]).metrics)
    scores, _ = evaluation.score_all(metrics, measured, resamples=0)
    frames = np.zeros(measured.groups, dtype=np.int64)
    for counts in part_counts(old).values():
        np.add.at(frames, counts.group[counts.owner], counts.frames[:, 0])
    added = {name: replace(old.scores[name], left_out=score.left_out) for name, score in scores.items()}
    return replace(
        old, format=results.FORMAT, scores={**old.scores, **added}, group_frames=[int(n) for n in frames]
    )


def without_new(content: dict[str, Any], old: Result) -> dict[str, Any]:
    """Return the content of a result file without what the format of `old` does not have."""
    parts = content["details"].get("parts", {})
    if old.format == 1:
        parts = {
            name: {key: value for key, value in part.items() if key not in NEW_IN_PARTS}
            | {"recordings": {k: of for k, of in part["recordings"].items() if k not in NEW_IN_RECORDINGS}}
            for name, part in parts.items()
        }
    scores = {
        name: {key: value for key, value in score.items() if key != "left_out"}
        for name, score in content["scores"].items()
    }
    details = content["details"] | ({"parts": parts} if parts else {})
    kept = {key: value for key, value in content.items() if key not in NEW}
    return kept | {"details": details, "scores": scores}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "leaderboard/results")))
