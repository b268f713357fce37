"""What `bench metrics` prints: a page for every family, procedure and metric."""

from __future__ import annotations

import pytest

from bench.errors import UsageError
from bench.metrics import FAMILIES, METRICS
from bench.text import PROCEDURES, metric_index, metric_pages


@pytest.mark.parametrize("name", [*FAMILIES, *PROCEDURES, *(metric.name for metric in METRICS)])
def test_every_family_procedure_and_metric_has_a_page(name: str) -> None:
    page = metric_pages(name)
    assert page.startswith(name)
    assert len(page.splitlines()) > 1


def test_the_index_names_every_page_in_a_line() -> None:
    index = metric_index().splitlines()
    for name in (*FAMILIES, *(metric.name for metric in METRICS)):
        assert [line for line in index if line.startswith((f"{name} ", f"{name}:"))]
    assert all(name in metric_index() for name in PROCEDURES)
    assert len(index) < len(metric_pages().splitlines()) / 3


def test_a_wrong_name_names_the_nearest_and_what_there_is() -> None:
    with pytest.raises(UsageError, match="did you mean 'intervals'") as raised:
        metric_pages("interval")
    assert raised.value.hint is not None
    assert "softnms" in raised.value.hint
