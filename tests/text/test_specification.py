"""What `bench metrics` prints: a page for every family, procedure and metric."""

from __future__ import annotations

import pytest

from bench.errors import UsageError
from bench.metrics import FAMILIES, METRICS
from bench.text import PROCEDURES, metric_pages


@pytest.mark.parametrize("name", [*FAMILIES, *PROCEDURES, *(metric.name for metric in METRICS)])
def test_every_family_procedure_and_metric_has_a_page(name: str) -> None:
    page = metric_pages(name)
    assert page.startswith(name)
    assert len(page.splitlines()) > 1


def test_a_wrong_name_names_the_nearest_and_what_there_is() -> None:
    with pytest.raises(UsageError, match="did you mean 'intervals'") as raised:
        metric_pages("interval")
    assert raised.value.hint is not None
    assert "softnms" in raised.value.hint
