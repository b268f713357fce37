"""Bring results of the first format to the present one, from predictions that are the same to the bit.

    python tests/studies/recount.py PREDICTIONS [RESULTS]

PREDICTIONS holds `<entry>/<task>/<run>...`; RESULTS is `leaderboard/results` unless it is named. The
recordings must be imported. Each result of an earlier format whose predictions are there is scored again with
the card that it was scored with. It is written only where the digest of the predictions and all that the file
held are as before: counts of every recording and the file's own digest come in, no number moves. The exit
code is 1 where one would have moved.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import evaluation, results
from bench.submitting import read_submission
from bench.verification.results import read_results

NEW = ("format", "digest", "provenance")
NEW_IN_PARTS = ("categories",)
NEW_IN_RECORDINGS = ("group", "counts")


def main(predictions: Path, folder: Path) -> int:
    """Score again what can be, write what stayed the same, and say so."""
    moved = 0
    for old in read_results(folder):
        place = predictions / old.entry["id"]
        if old.format == results.FORMAT or not (place / old.task["name"]).is_dir():
            continue
        (submitted,) = read_submission(place, old.task["name"])
        made = evaluation.evaluate(submitted.task, old.entry, submitted.predictions, submitted.recordings)
        same = without_new(results.to_json(made)) == without_new(results.to_json(old))
        moved += not same
        if same:
            results.write(replace(made, provenance=old.provenance), folder)
        sys.stdout.write(f"{old.file_name}: {'written' if same else 'NOT THE SAME, left as it is'}\n")
    return int(moved > 0)


def without_new(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a result file without what the first format does not have."""
    parts = content["details"].get("parts", {})
    kept = {
        name: {key: value for key, value in part.items() if key not in NEW_IN_PARTS}
        | {"recordings": {k: of for k, of in part["recordings"].items() if k not in NEW_IN_RECORDINGS}}
        for name, part in parts.items()
    }
    details = content["details"] | ({"parts": kept} if parts else {})
    return {key: value for key, value in content.items() if key not in NEW} | {"details": details}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "leaderboard/results")))
