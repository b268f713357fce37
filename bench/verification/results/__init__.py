"""Integrity of results: a file is checked where it is read, and every number that follows is made anew.

A file        read safely as strict JSON, of its schema, under its name; from format 2 on its digest
The task      one that is declared, with its facts, its metrics, their version and the digest of its split
The truth     digest, recordings, groups, frames and classes those of the recordings, where something at hand
              says so, else those of most results of the task; never more than the split has
The scores    ranges, order of interval ends, means over classes, parts and runs, deviations; how intervals
              were made; values without each group spread about as the interval says
The details   their counts agree with each other; accuracy, also by distance, recall and F1 of edges follow
The counts    of every recording and run, from format 2 on: F1, precision, recall, accuracy, kappa and all
              of their intervals follow
Evidence      the file beside the result has its digest; its bouts give the truth and the counts of the run

A field that an earlier format lacks stays away there, and nothing that would need it is checked.
"""

from bench.verification.results.reading import (
    Checked,
    check_result,
    check_results,
    declared,
    evidence_notes,
    has_reference,
    read_named,
    read_result,
    read_results,
    read_sound,
    reference_results,
    with_absent_evidence,
    with_reference,
)
from bench.verification.results.standing import replaced_result

__all__ = [
    "Checked",
    "check_result",
    "check_results",
    "declared",
    "evidence_notes",
    "has_reference",
    "read_named",
    "read_result",
    "read_results",
    "read_sound",
    "reference_results",
    "replaced_result",
    "with_absent_evidence",
    "with_reference",
]
