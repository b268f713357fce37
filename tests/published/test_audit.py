"""The audit: what follows from printed tables, and what is found in the real ones."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import cli as command
from bench.datasets import TASKS
from bench.errors import DataError, UsageError
from bench.published import Finding, Number, against_runs, audit, read_published, read_runs
from bench.published.findings import AGREES, CUT, DIFFERS, UNPRINTED, finding, verdict
from bench.published.implied import Implied, deviation, f1_of, gain, mean
from bench.text import findings_text
from bench.verification import read_printed

KNOWN = {task.name: task for task in TASKS}
NUMBERS = read_published()
COUNTS = read_printed()


@pytest.fixture(scope="module")
def findings() -> list[Finding]:
    return audit(NUMBERS, COUNTS, KNOWN.get)


def chosen(findings: list[Finding], check: str, place: str, what: str) -> Finding:
    (found,) = [f for f in findings if (f.check, f.place, f.what) == (check, place, what)]
    return found


def number(printed: str, **changes: str) -> Number:
    return replace(NUMBERS[0], printed=printed, unit="share", **changes)


@pytest.mark.parametrize(
    ("check", "place", "what", "printed", "follows", "judged"),
    [
        (
            "what its label says",
            "MSGL-Transformer, Table 15",
            "MSGL-Transformer (Ours): Avg. Per-Class Acc (%)",
            "87.1 %",
            "80.49",
            DIFFERS,
        ),
        (
            "what its label says",
            "MSGL-Transformer, Section 4.2.6",
            "MSGL-Transformer (Ours): Avg. Per-Class Acc (%) over HSTWFormer",
            "+10.7",
            "4.09",
            DIFFERS,
        ),
        ("gain", "RatSeizure, Table 4", "RaSeformer (ours): Full test mAP, gain", "+1.09", "1.090", AGREES),
        (
            "from its classes",
            "MSGL-Transformer, Table 15",
            "MSGL-Transformer (Ours): Avg. Per-Class Acc (%)",
            "87.1 %",
            "87.09",
            AGREES,
        ),
        (
            "from its classes",
            "MSGL-Transformer, Table 13",
            "MSGL-Transformer (Ours): F1-Score",
            "0.8745",
            "0.87442",
            AGREES,
        ),
        ("from its classes", "MSGL-Transformer, Table 12", "MSGL-Transformer: f1", "", "0.7477", UNPRINTED),
        (
            "from its classes",
            "MSGL-Transformer, Table 12",
            "MSGL-Transformer: f1_all_classes",
            "",
            "0.7938",
            UNPRINTED,
        ),
        (
            "from its classes",
            "MSGL-Transformer, Table 12",
            "MSGL-Transformer: recall_mean",
            "",
            "0.8049",
            UNPRINTED,
        ),
        ("from its classes", "MSGL-Transformer, Table 8", "2 8: F1", "0.714", "0.7144", AGREES),
        ("printed twice", "MSGL-Transformer, Table 8", "8 2: Accuracy", "0.814", "0.8148", CUT),
        ("± over its parts", "MSGL-Transformer, Table 8", "Mean: ± of F1", "0.047", "0.0464", AGREES),
        ("support", "MSGL-Transformer, Section 4.2.1", "frames that count", "261442", "261442", AGREES),
        ("mean of its parts", "CalMS21, Table 2", "Baseline: Average F1", ".793", "0.7927", AGREES),
        (
            "lead",
            "MSGL-Transformer, Section 4.2.6",
            "MSGL-Transformer (Ours): Avg. Per-Class Acc (%) over HSTWFormer",
            "+10.7",
            "10.70",
            AGREES,
        ),
        (
            "what its label says",
            "MSGL-Transformer, Section 4.2.6",
            "MSGL-Transformer (Ours): Avg. Per-Class Acc (%) over CTR-GCN",
            "+15.5",
            "8.89",
            DIFFERS,
        ),
        (
            "lead",
            "MSGL-Transformer, Section 4.2.5",
            "MSGL-Transformer: more than 10 frames away over within five frames",
            "33.8",
            "33.80",
            AGREES,
        ),
        (
            "highest",
            "MSGL-Transformer, Section 4.1.1",
            "7 3: Accuracy, the highest",
            "0.799",
            "0.8140",
            DIFFERS,
        ),
        (
            "from its counts",
            "MSGL-Transformer, Table 1",
            "ratsi, all: percent of moving-away",
            "4.40 %",
            "4.395",
            DIFFERS,
        ),
        (
            "sum of shares",
            "MSGL-Transformer, Table 1",
            "ratsi, all: sum of percent",
            "100.05 %",
            "99.99",
            DIFFERS,
        ),
        (
            "sum of shares",
            "MSGL-Transformer, Table 4",
            "calms21-task1, train: sum of percent",
            "100.01 %",
            "100.01",
            AGREES,
        ),
        (
            "from its counts",
            "CalMS21, Table 6",
            "calms21-task1, train: percent of attack",
            "2.76 %",
            "2.765",
            CUT,
        ),
        (
            "from its counts",
            "MSGL-Transformer, Section 4.2.3",
            "calms21-task1, train: thousands of frames",
            "770 thousand",
            "507.7",
            DIFFERS,
        ),
        (
            "mean of its parts",
            "CalMS21, Table 3",
            "Baseline w/ task prog: Average F1",
            ".774",
            "0.7900",
            DIFFERS,
        ),
        ("gain", "RatSeizure, Table 3", "RaSeformer (ours): Full test mAP, gain", "+7.53", "7.532", AGREES),
        ("mean over tIoU", "RatSeizure, README of the code", "RaSeformer: mAP", "57.08 %", "57.084", AGREES),
    ],
)
def test_what_the_papers_say_and_what_follows(
    findings: list[Finding], check: str, place: str, what: str, printed: str, follows: str, judged: str
) -> None:
    found = chosen(findings, check, place, what)
    assert (found.printed, found.follows, found.verdict) == (printed, follows, judged)


def test_all_that_differs_in_the_real_tables(findings: list[Finding]) -> None:
    """Each was read again in the paper."""
    leads = "MSGL-Transformer (Ours): Avg. Per-Class Acc (%) over"
    assert [(f.place, f.what) for f in findings if f.verdict == DIFFERS] == [
        ("CalMS21, Table 3", "Baseline w/ task prog: Average F1"),
        ("CalMS21, Table 3", "Baseline w/ task prog: MAP"),
        ("CalMS21, Table 4", "Baseline w/ task prog: Average F1"),
        ("CalMS21, Table 4", "Baseline w/ task prog: MAP"),
        ("MSGL-Transformer, Table 15", "MSGL-Transformer (Ours): Avg. Per-Class Acc (%)"),
        (
            "MSGL-Transformer, Section 4.2.6",
            "MSGL-Transformer (Ours): Avg. Per-Class Acc (%) over HSTWFormer",
        ),
        ("MSGL-Transformer, Section 4.2.6", f"{leads} CTR-GCN"),
        ("MSGL-Transformer, Section 4.1.1", "7 3: Accuracy, the highest"),
        ("MSGL-Transformer, Table 4", "calms21-task1, train: percent of other"),
        ("MSGL-Transformer, Table 5", "calms21-task1, all: percent of other"),
        ("MSGL-Transformer, Table 5", "calms21-task1, all: percent of attack"),
        ("MSGL-Transformer, Section 4.2.3", "calms21-task1, train: thousands of frames"),
        ("MSGL-Transformer, Section 4.2.4", "calms21-task1, all: percent of other"),
        ("MSGL-Transformer, Table 1", "ratsi, all: percent of solitary"),
        ("MSGL-Transformer, Table 1", "ratsi, all: percent of approaching"),
        ("MSGL-Transformer, Table 1", "ratsi, all: percent of moving-away"),
        ("MSGL-Transformer, Table 1", "ratsi, all: percent of social-nose-contact"),
        ("MSGL-Transformer, Table 1", "ratsi, all: sum of percent"),
    ]


@pytest.mark.parametrize(
    ("table", "row", "column", "printed", "check"),
    [
        ("calms21-2", "Baseline", "Average F1", ".795", "mean of its parts"),
        ("calms21-9", "Baseline", "Annotator 5, Mount F1", ".946", "mean of its parts"),
        ("msgl-8", "Mean", "F1", "0.747", "mean of its parts"),
        ("msgl-12", "Other", "Recall", "0.8999", "from its classes"),
        ("msgl-12", "Mount", "F1-Score", "0.8732", "F1 of a class"),
        ("msgl-12", "Mount", "Support", "31814", "support"),
        ("msgl-9", "Solitary", "Valid-2-Test-8", "0.763", "from its classes"),
        ("msgl-17", "TCN", "CalMS21 F1", "0.8589", "printed twice"),
        ("ratseizure-3", "TadTR", "Full test mAP", "43.75", "gain"),
        ("msgl-15", "CTR-GCN", "Avg. Per-Class Acc (%)", "71.8", "lead"),
        ("msgl-8", "7 5", "F1", "0.801", "highest"),
        ("ratseizure-code", "RaSeformer", "mAP at tIoU 0.3", "64.93", "mean over tIoU"),
    ],
)
def test_a_changed_number_is_found(table: str, row: str, column: str, printed: str, check: str) -> None:
    """None of the checks is one that cannot fail."""
    (cell,) = [n for n in NUMBERS if (n.table.name, n.row.row, n.column) == (table, row, column)]
    changed = [replace(n, printed=printed) if n is cell else n for n in NUMBERS]
    before = Counter(f.check for f in audit(NUMBERS, COUNTS, KNOWN.get) if f.verdict == DIFFERS)
    after = Counter(f.check for f in audit(changed, COUNTS, KNOWN.get) if f.verdict == DIFFERS)
    assert after[check] > before[check]


def test_a_changed_count_is_found_in_the_shares_that_follow() -> None:
    (cell,) = [p for p in COUNTS if (p.table, p.class_, p.printed) == ("Table 4", "mount", "28615")]
    changed = [replace(p, printed="29615") if p is cell else p for p in COUNTS]
    found = [f for f in audit(NUMBERS, changed, KNOWN.get) if f.what.endswith("train: percent of mount")]
    assert [f.verdict for f in found] == [DIFFERS, DIFFERS]


def test_a_spread_that_is_the_samples_differs() -> None:
    cell = next(n for n in NUMBERS if n.table.name == "msgl-8" and n.column == "F1" and n.spread)
    changed = [replace(n, spread="0.049") if n is cell else n for n in NUMBERS]
    found = chosen(
        audit(changed, COUNTS, KNOWN.get), "± over its parts", "MSGL-Transformer, Table 8", "Mean: ± of F1"
    )
    assert found.verdict == DIFFERS
    assert "the sample's is 0.0493" in found.rule


@pytest.mark.parametrize(
    ("printed", "low", "high", "judged"),
    [
        (0.797, 0.79665, 0.79675, AGREES),
        (0.796, 0.79665, 0.79675, CUT),
        (0.795, 0.79665, 0.79675, DIFFERS),
        (0.798, 0.79665, 0.79675, DIFFERS),
        (0.79, 0.7895, 0.7905, AGREES),
    ],
)
def test_verdicts(printed: float, low: float, high: float, judged: str) -> None:
    assert verdict(printed, 0.001, Implied((low + high) / 2, low, high, "")) == judged


def test_what_follows_holds_every_number_that_rounds_to_the_printed() -> None:
    several = [number(".70"), number(".71"), number(".75")]
    found = mean(several, "values")
    assert (found.value, found.low, found.high) == pytest.approx((0.72, 0.715, 0.725))
    spread = deviation(several, "values")
    assert spread.value == pytest.approx(0.0216024, abs=1e-7)
    assert (spread.low, spread.high) == pytest.approx((spread.value - 0.005, spread.value + 0.005))
    f1 = f1_of(number(".50"), number(".25"))
    assert f1.value == pytest.approx(1 / 3)
    assert f1.low < 1 / 3 < f1.high
    ahead = gain(number(".80"), several)
    assert (ahead.value, ahead.low, ahead.high) == pytest.approx((0.08, 0.07, 0.09))


def test_a_percentage_is_compared_as_a_percentage() -> None:
    cell = replace(number("87.1"), unit="percent")
    found = finding("check", cell, Implied(0.87091, 0.87091, 0.87091, "all"))
    assert (found.printed, found.follows, found.verdict) == ("87.1 %", "87.09", AGREES)


def test_printed_means_are_those_of_the_published_seeds(real_data: Path) -> None:
    """Two ± of CalMS21's appendix are neither rounded nor cut off; all other numbers are."""
    path = real_data / "calms21" / "baseline_results_per_seed.csv"
    if not path.is_file():
        pytest.skip(f"no {path}")
    found = against_runs(NUMBERS, read_runs(path, KNOWN))
    assert len(found) == 8 + 3 * 2 + 6 + 30 + 14 + 6
    assert Counter(f.verdict for f in found) == {AGREES: 60, CUT: 8, DIFFERS: 2}
    assert [(f.what, f.printed, f.follows) for f in found if f.verdict == DIFFERS] == [
        ("Baseline: Annotator 5, Mount F1", ".646 ± .057", "0.6464 ± 0.0587"),
        ("Baseline: Disengaged F1", ".195 ± .005", "0.1947 ± 0.0034"),
    ]


RUNS = """experiment,task,group,variant,seed,split,cls,f1,precision,recall,ap
task1_train_full_data,1,,,42,test,attack,0.6,0,0,0.7
task1_train_full_data,1,,,42,test,mount,0.8,0,0,0.9
task1_train_full_data,1,,,42,test,other,0.1,0,0,0.1
task1_train_full_data,1,,,43,test,attack,0.7,0,0,0.8
task1_train_full_data,1,,,43,test,mount,0.9,0,0,0.9
task1_train_full_data,1,,,43,val,mount,0.0,0,0,0.0
task3_train_full_data,3,behavior-6,,42,test,behavior-6,0.25,0,0,0.5
"""


def test_runs_are_read_by_part_and_class(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(RUNS)
    runs = read_runs(path, KNOWN)
    assert runs["task3_train_full_data", "42"] == {("white-rearing", "behaviour"): {"f1": 0.25, "map": 0.5}}
    found = {f.what: f for f in against_runs(NUMBERS, runs) if f.place == "CalMS21, Table 2"}
    assert found["Baseline: Average F1"].follows == "0.7500 ± 0.0500"
    assert found["Baseline: Average F1"].verdict == DIFFERS


@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n", RUNS.replace("0.25", "high"), RUNS.replace("behavior-6", "b-9")]
)
def test_a_table_of_other_runs_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(text)
    with pytest.raises(DataError, match="does not hold the results of every seed"):
        read_runs(path, KNOWN)


def test_lacking_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("experiment,task,group,variant,seed,cls,f1\n")
    with pytest.raises(DataError) as caught:
        read_runs(path, KNOWN)
    assert caught.value.problems == ("no column split, ap",)


def test_what_does_not_agree_comes_first_and_alone_unless_every_finding_is_wanted(
    findings: list[Finding],
) -> None:
    short, long = findings_text(findings, every=False), findings_text(findings, every=True)
    assert len(short.splitlines()) < len(long.splitlines())
    verdicts = [line.split()[-1] for line in short.splitlines()[2:-2]]
    assert verdicts.index("DIFFERS") < verdicts.index("off")  # cut off
    assert "agrees" not in verdicts
    for found in findings:
        assert found.what in long
        assert found.verdict == AGREES or found.what in short
    assert short.splitlines()[-1].startswith(f"{len(findings)} findings: ")


def test_the_command_prints_the_findings_of_one_paper() -> None:
    done = CliRunner().invoke(command.cli, ["audit", "RatSeizure", "--all"])
    assert done.exit_code == 0, done.output
    assert "gain" in done.output
    assert "CalMS21" not in done.output
    found = json.loads(CliRunner().invoke(command.cli, ["audit", "MSGL-Transformer", "--json"]).output)
    assert {one["verdict"] for one in found["findings"]} == {AGREES, CUT, DIFFERS, UNPRINTED}


def test_the_command_names_the_nearest_paper() -> None:
    done = CliRunner().invoke(command.cli, ["audit", "CalMS2"])
    assert isinstance(done.exception, UsageError)
    assert "did you mean 'CalMS21'" in str(done.exception)
