"""Everything that is printed: numbers, tables, and the text of every command that shows results."""

from bench.display import UNDEFINED, between, number
from bench.text.anyone import scores_text
from bench.text.checks import checks_text
from bench.text.curves import curve_text, figure_text
from bench.text.datacards import datacard_json, datacard_text, sources_json, sources_text
from bench.text.differences import comparison_text
from bench.text.doctor import doctor_text
from bench.text.explanation import SHORT_TITLES, class_metrics, explain, explanation
from bench.text.floors import floors_text
from bench.text.integrity import integrity_json, integrity_text
from bench.text.own_tasks import added_text
from bench.text.published import compared_text, findings_text, rivals_text
from bench.text.reproduction import listing_text, plan_text
from bench.text.rescored import rescored_text
from bench.text.scores import (
    DETECTION_FORMS,
    WIDE,
    amount_tested,
    below_prior_text,
    by_part,
    heading,
    interval_statement,
    result_text,
)
from bench.text.specification import (
    PROCEDURES,
    by_family,
    family_line,
    metric_index,
    metric_pages,
    metrics_json,
)
from bench.text.tables import fold, table
from bench.text.tasks import tasks_json, tasks_text
from bench.text.units import card_per_minute, per_minute, unit_to_read, with_milliseconds, with_unit

__all__ = [
    "DETECTION_FORMS",
    "PROCEDURES",
    "SHORT_TITLES",
    "UNDEFINED",
    "WIDE",
    "added_text",
    "amount_tested",
    "below_prior_text",
    "between",
    "by_family",
    "by_part",
    "card_per_minute",
    "checks_text",
    "class_metrics",
    "compared_text",
    "comparison_text",
    "curve_text",
    "datacard_json",
    "datacard_text",
    "doctor_text",
    "explain",
    "explanation",
    "family_line",
    "figure_text",
    "findings_text",
    "floors_text",
    "fold",
    "heading",
    "integrity_json",
    "integrity_text",
    "interval_statement",
    "listing_text",
    "metric_index",
    "metric_pages",
    "metrics_json",
    "number",
    "per_minute",
    "plan_text",
    "rescored_text",
    "result_text",
    "rivals_text",
    "scores_text",
    "sources_json",
    "sources_text",
    "table",
    "tasks_json",
    "tasks_text",
    "unit_to_read",
    "with_milliseconds",
    "with_unit",
]
