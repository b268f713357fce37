"""Results as aligned text, for the terminal, and the words that pages share with it."""

from bench.text.differences import comparison_text
from bench.text.numbers import between, number, per_minute, shown_in, table, valued
from bench.text.scores import DETECTION_FORMS, WIDE, by_part, counted, heading, interval_statement, text
from bench.text.specification import PROCEDURES, by_family, family_line, metric_pages

__all__ = [
    "DETECTION_FORMS",
    "PROCEDURES",
    "WIDE",
    "between",
    "by_family",
    "by_part",
    "comparison_text",
    "counted",
    "family_line",
    "heading",
    "interval_statement",
    "metric_pages",
    "number",
    "per_minute",
    "shown_in",
    "table",
    "text",
    "valued",
]
