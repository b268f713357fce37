"""The published tables as data: they fit together, name what exists, and say what the papers say."""

from __future__ import annotations

import csv
import os
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from baselines.models import MODELS
from bench.datasets import TASKS
from bench.errors import DataError, UsageError
from bench.published import Number, get_table, published, read_published, tables_of, why_not
from bench.published.tables import COLUMNS
from bench.resources import resource

ROOT = Path(__file__).parent.parent.parent
PAPERS = Path(os.environ.get("ETHOBENCH_PAPERS", ROOT / "../shared/papers"))
TEXTS = {
    "CalMS21": "calms21-dataset.txt",
    "MSGL-Transformer": "msgl-transformer.txt",
    "RatSeizure": "ratseizure-raseformer.txt",
}
REACH = {"CalMS21": (170, 24), "MSGL-Transformer": (0, 22), "RatSeizure": (0, 14)}
"""Lines before and after a caption that hold its table; the text of CalMS21 puts most before it."""
NO_METRIC = {"parameters", "seconds_per_epoch", "frames", "gain", "lead", "highest", "undefined"}
KNOWN = {task.name: task for task in TASKS}
NUMBERS = read_published()


def region(number: Number) -> str:
    """Return the lines of the paper that hold a number's table."""
    path = PAPERS / TEXTS[number.table.paper.source]
    if not path.is_file():
        pytest.skip(f"no {path}")
    lines = path.read_text(encoding="utf-8").splitlines()
    table = number.table.table
    if table.startswith("Section"):
        return "\n".join(lines)
    caption = next(i for i, line in enumerate(lines) if re.match(rf"\s*{table}[.:] ", line))
    before, after = REACH[number.table.paper.source]
    return "\n".join(lines[max(0, caption - before) : caption + after])


def as_in_text(number: Number) -> str:
    """Return a number as the text of its paper has it."""
    if number.spread and number.table.spread_over == "seeds":
        return f"{number.printed} ± {number.spread}"
    if number.unit in ("parameters", "frames"):
        return f"{number.value:,.0f}"
    return number.printed


def occurrences(text: str, printed: str) -> int:
    return len(re.findall(rf"(?<![\d.,]){re.escape(printed)}(?![\d,]|\.\d)", text))


@pytest.mark.parametrize("table", tables_of(NUMBERS), ids=lambda table: table.name)
def test_every_number_stands_in_its_paper(table: object) -> None:
    """As often as the data has it, or more: a table may print one number several times."""
    of = [number for number in NUMBERS if number.table == table]
    if of[0].table.paper.source not in TEXTS or not of[0].table.table.startswith(("Table", "Section")):
        pytest.skip("no paper prints it: results of code")
    text = region(of[0])
    wanted = Counter(as_in_text(number) for number in of)
    found = {printed: occurrences(text, printed) for printed in wanted}
    if of[0].table.name == "ratseizure-4":
        assert found.pop("43.29") == 0
        assert occurrences(text, "4329") == 1  # the text has lost the point
        wanted.pop("43.29")
    missing = {
        printed: (count, found[printed]) for printed, count in wanted.items() if found[printed] < count
    }
    assert not missing


def test_every_number_of_a_fold_has_its_spread_in_the_paper() -> None:
    of = [number for number in NUMBERS if number.table.name == "msgl-8" and number.spread]
    text = region(of[0])
    std = next(line for line in text.splitlines() if line.startswith("Std"))
    assert std.split()[2:] == [number.spread for number in of]


@pytest.mark.parametrize("table", tables_of(NUMBERS), ids=lambda table: table.name)
def test_names_are_those_of_tasks_metrics_and_models(table: object) -> None:
    models = set(MODELS)
    for number in [number for number in NUMBERS if number.table == table]:
        assert {number.row.model, *number.row.variants} <= {"", *models}
        if not number.task:
            continue
        task = KNOWN[number.task]
        assert number.part in {"", *(part.name for part in task.parts)}
        assert number.class_ in {"", *task.classes}
        assert number.metric in NO_METRIC | {metric.name for metric in task.metrics}
        assert number.says in {"", *(metric.name for metric in task.metrics)}


def test_shares_are_shares() -> None:
    for number in NUMBERS:
        if number.unit in ("share", "percent"):
            assert 0 < number.value < 1, number
            assert number.deviation is None or 0 < number.deviation < 0.2


def test_every_variant_is_named_in_a_row() -> None:
    """Where a paper and its code differ, or leave something open, a row names what else it may be."""
    named = {(n.row.model, n.row.variants) for n in NUMBERS if n.row.variants}
    assert named == {
        ("conv1d_finetuned", ("conv1d_finetuned_as_described",)),
        ("conv1d_treba_shipped", ("conv1d_treba", "conv1d_treba_unlabelled")),  # features learned here
        ("conv1d_treba_shipped_finetuned", ("conv1d_treba_finetuned",)),
        ("msgl", ("msgl_as_described",)),
        ("msgl_tcn", ("msgl_tcn_plain",)),
        ("raseformer", ("raseformer_windows",)),  # the code has windows at three levels, the text at six
        ("ms_g3d", ("ms_g3d_8",)),  # the paper does not say at which scales
    }
    expected = dict(named)
    assert all(n.row.variants == expected.get(n.row.model, ()) for n in NUMBERS)
    everywhere = {name for n in NUMBERS for name in (n.row.model, *n.row.variants)}
    assert {name for name in MODELS if "_as_described" in name or "_plain" in name} <= everywhere


def test_what_a_paper_does_not_define_is_compared_with_nothing() -> None:
    """The five quoted rows of Table 15 carry the name of no metric here, and stand on no task."""
    quoted = [n for n in get_table(NUMBERS, "msgl-15") if n.row.row != "MSGL-Transformer (Ours)"]
    assert {(n.task, n.metric) for n in quoted} == {("", "undefined")}
    assert {n.row.row for n in published("calms21-task1-msgl")}.isdisjoint({n.row.row for n in quoted})
    assert all("does not define" in why_not(n, KNOWN["calms21-task1-msgl"]) for n in quoted)
    assert all("bench train" in why_not(n, None) for n in quoted)


@pytest.mark.parametrize(
    "name", [*(f"calms21-{number}" for number in (1, 2, 3, 4, 8, 9, 10)), "msgl-15"], ids=str
)
def test_every_row_has_a_model_behind_it(name: str) -> None:
    numbers = get_table(read_published(), name)
    assert [number.row.row for number in numbers if number.row.model not in MODELS] == []
    tasks = {task.name: task for task in TASKS}
    open_ = {number.row.row for number in numbers if why_not(number, tasks.get(number.task))}
    others = {"ST-GCN", "MS-G3D", "CTR-GCN", "STGAT", "HSTWFormer"} if name == "msgl-15" else set()
    assert open_ == others, "figures of others, whose metric and frames are not defined"


def test_models_to_train_have_seeds() -> None:
    assert all(number.table.seeds for number in NUMBERS if number.row.model)


def test_tables_of_msgl_on_calms21_say_in_what_our_recipe_departs() -> None:
    trained = [n for n in NUMBERS if n.row.model.startswith("msgl") and n.task == "calms21-task1-msgl"]
    shown = {n.table.name: n.table.note for n in trained if n.table.name not in ("msgl-15", "msgl-16")}
    assert {"msgl-12", "msgl-13", "msgl-boundary"} <= set(shown)
    assert all("departs from the code" in note for note in shown.values()), shown


def test_a_number_knows_its_digits() -> None:
    (number,) = [n for n in get_table(NUMBERS, "calms21-1") if n.row.model == "fc" and n.metric == "map"]
    assert (number.value, number.deviation) == (0.726, 0.004)
    assert number.digit == pytest.approx(1e-3)
    assert number.text == ".726 ± .004"
    (percent,) = [n for n in get_table(NUMBERS, "msgl-15") if n.says]
    assert percent.value == pytest.approx(0.871)
    assert percent.digit == pytest.approx(1e-3)
    assert percent.text == "87.1 %"


def test_published_are_those_of_a_task() -> None:
    assert {number.task for number in published("ratsi")} == {"ratsi"}
    assert published("demo") == ()


def test_an_unknown_table_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'msgl-13'"):
        get_table(NUMBERS, "msgl-133")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "reference"
    shutil.copytree(resource("reference", "leaderboard/reference"), target)
    return target


def change(path: Path, at: int, **cells: str) -> None:
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    lines[at].update(cells)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


def test_every_fault_of_the_tables_is_listed_at_once(folder: Path) -> None:
    change(folder / "published.csv", 0, printed="a third", unit="per mille")
    change(folder / "published.csv", 1, row="Nobody")
    change(folder / "published.csv", 3, spread="wide")
    change(folder / "rows.csv", 0, reason="both")
    change(folder / "rows.csv", 1, table="Table 99")
    change(folder / "rows.csv", 2, variants="fc fc")
    change(folder / "rows.csv", 3, variants="conv1d")
    change(folder / "rows.csv", 5, model="", variants="fc")
    change(folder / "tables.csv", 0, name="msgl-7")
    change(folder / "tables.csv", 1, source="Anon")
    with pytest.raises(DataError) as fault:
        read_published(folder)
    text = str(fault.value)
    for part in (
        "line 2: 'a third' is no number",
        "line 2: unit 'per mille'",
        "line 3: no such row",
        "line 5: 'wide' is no number",
        "a model or a reason, not both",
        "row 'Self-Attention' of CalMS21, Table 1: variants of no model, or one model twice",
        "row '1D Conv Net' of CalMS21, Table 1: variants of no model, or one model twice",
        "row 'Baseline w/ task prog' of CalMS21, Table 2: variants of no model, or one model twice",
        "row ('CalMS21', 'Table 99', 'LSTM'): no such table",
        "name 'msgl-7' comes more than once",
        "table ('Anon', 'Table 2'): no such paper",
    ):
        assert part in text


def test_a_number_twice_is_a_fault(folder: Path) -> None:
    path = folder / "published.csv"
    path.write_text(path.read_text() + path.read_text().splitlines()[1] + "\n")
    with pytest.raises(DataError, match="comes more than once"):
        read_published(folder)


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_other_columns_are_refused(folder: Path, name: str) -> None:
    path = folder / f"{name}.csv"
    path.write_text(path.read_text().replace("source", "origin", 1))
    with pytest.raises(DataError, match="has other columns"):
        read_published(folder)
