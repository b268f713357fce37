"""Write the evidence of committed results whose predictions are at hand; no other byte of them may move.

    python tests/studies/behind.py PREDICTIONS [RESULTS]

PREDICTIONS holds `<entry>/<task>/<run>...`, RESULTS is `leaderboard/results` unless it is named; the
recordings must be imported. A result gets its file only where the predictions have the digest that the result
holds. What is new in it is the digest of that file, and its own. The exit code is 1 where anything else would
differ.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from bench import results
from bench.evidence import evidence
from bench.kinds import kind_of
from bench.submissions import predictions_digest
from bench.submitting import read_submission
from bench.verification.results import check_result

NEW = ("digest", "evidence")


def main(predictions: Path, folder: Path) -> int:
    """Write what lies behind each result, and say so."""
    moved = 0
    for checked in map(check_result, sorted(folder.glob("*.json"))):
        old = checked.result
        if old is None:
            continue
        place = predictions / old.entry["id"]
        if not (place / old.task["name"]).is_dir():
            continue
        (submitted,) = read_submission(place, old.task["name"])
        if predictions_digest(kind_of(submitted.task), submitted.predictions) != old.predictions_digest:
            sys.stdout.write(f"{old.file_name}: other predictions, left as it is\n")
            continue
        behind = evidence(submitted.task, old.entry, submitted.predictions, submitted.recordings)
        made = results.with_evidence(replace(old, beside=None), behind)
        one, other = (
            {key: value for key, value in results.to_json(each).items() if key not in NEW}
            for each in (old, made)
        )
        moved += one != other
        if one == other:
            results.write(made, folder)
            size = (folder / results.EVIDENCE / made.file_name).stat().st_size
            sys.stdout.write(f"{old.file_name}: evidence of {size:,} bytes\n")
    return int(moved > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "leaderboard/results")))
