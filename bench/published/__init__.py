"""The published tables as data: their audit, rivals for the pages, and our runs beside them."""

from bench.published.against import Compared, RunValues, compare, compared_json, values
from bench.published.audit import audit, audit_papers
from bench.published.findings import Finding
from bench.published.official import against_runs, read_runs
from bench.published.rivals import Rival, rivals
from bench.published.tables import Number, Paper, Row, Table, get_table, read_published, tables_of
from bench.published.trainings import SIZE, Job, job_of, jobs, jobs_of, models, seed_range, why_not

__all__ = [
    "SIZE",
    "Compared",
    "Finding",
    "Job",
    "Number",
    "Paper",
    "Rival",
    "Row",
    "RunValues",
    "Table",
    "against_runs",
    "audit",
    "audit_papers",
    "compare",
    "compared_json",
    "get_table",
    "job_of",
    "jobs",
    "jobs_of",
    "models",
    "published",
    "read_published",
    "read_runs",
    "rivals",
    "seed_range",
    "tables_of",
    "values",
    "why_not",
]


def published(task: str) -> tuple[Number, ...]:
    """Return what papers printed of models on one task."""
    return tuple(number for number in read_published() if number.task == task)
