"""What models cost: counted by hand, measured as positive numbers, and never made up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import toy
from click.testing import CliRunner

from baselines.contract import Baseline
from baselines.costs import profiling
from baselines.costs.profiling import Costs, Profile, declare, profile
from baselines.models import get_baseline
from baselines.runs.train import train
from bench.cli import cli
from bench.errors import DataError, UsageError
from bench.submissions import read_entry

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from baselines.costs import measuring  # noqa: E402
from baselines.models.fc import FC  # noqa: E402
from baselines.models.msgl_lstm import LSTM  # noqa: E402
from baselines.runs.plan import Order, units_of  # noqa: E402

MEASURED = ("seconds_per_run", "seconds_per_epoch", "frames_per_second")


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "LEARNED", 40)
    monkeypatch.setattr(measuring, "SINGLE", 20)


def small(name: str, **recipe: object) -> Baseline:
    baseline = get_baseline(name)
    return replace(baseline, recipe=replace(baseline.recipe, **recipe))


def test_dense_layers_cost_two_operations_per_weight(store: Path) -> None:
    found = profile(small("fc", past=5, future=3, gap=1, batch=16), toy.task(), "cpu")
    weights = [p for p in FC(12, 9, 3).parameters() if p.dim() == 2]
    assert found.costs.flops_per_frame == 2 * sum(p.numel() for p in weights)
    assert found.parameters == sum(p.numel() for p in FC(12, 9, 3).parameters())


def test_recurrent_layers_are_counted_step_by_step(store: Path) -> None:
    found = profile(small("msgl_lstm", past=10, batch=8), toy.task(), "cpu")
    network = LSTM(12, 11, 3)
    per_step = [p for name, p in network.named_parameters() if "weight_" in name]
    once = [p for name, p in network.named_parameters() if p.dim() == 2 and "weight_" not in name]
    expected = 2 * (11 * sum(p.numel() for p in per_step) + sum(p.numel() for p in once))
    assert found.costs.flops_per_frame == expected


def test_a_causal_network_has_a_latency_and_others_say_why_not(store: Path) -> None:
    causal = profile(small("msgl_tcn", past=8, batch=8), toy.task(first="ab", second="c"), "cpu").costs
    assert 0 < causal.latency_ms <= causal.latency_ms_p95
    assert "latency_ms" not in causal.notes
    blind = profile(replace(toy.CONV, name="conv"), toy.task(), "cpu").costs
    assert blind.latency_ms is blind.latency_ms_p95 is None
    assert "later frames" in blind.notes["latency_ms"]
    for costs in (causal, blind):
        assert all(getattr(costs, name) > 0 for name in MEASURED)
        assert "times" in costs.notes["seconds_per_epoch"]


def test_what_is_cut_keeps_every_recording_and_says_how_much_it_left_out(store: Path) -> None:
    (unit,) = units_of(Order(toy.MSGL, toy.task(), [0], "cpu", Path("unused")))
    questions, past = unit.job.run.questions, toy.MSGL.recipe.past
    few, share = measuring.cut(unit.job.sources.data(), questions, toy.MSGL.recipe.sees, 60)
    left = list(few.train["toy/all"])
    assert [r.id for r in left] == ["a", "b", "c"]
    assert all(r.frames > past for r in left), "each has a whole window"
    labelled = sum(int(r.annotated.sum()) for r in left)
    assert 60 <= labelled < 60 + 3 * (past + 1), "so many frames, and a window of each"
    whole = sum(int(toy.recording(id_).annotated.sum()) for id_ in "abc")
    assert share == pytest.approx(whole / labelled)
    for drawn, expected in ((labelled + 9, (labelled + 9) / labelled), (labelled - 5, 1.0), (10**6, share)):
        _, times = measuring.cut(unit.job.sources.data(), questions, toy.MSGL.recipe.sees, 60, drawn)
        assert times == pytest.approx(expected)


def test_a_task_of_segments_costs_what_its_frames_cost(store: Path) -> None:
    network = small("fc", past=5, future=3, gap=1, batch=16)
    found = profile(network, replace(toy.task(), kind="segments"), "cpu")
    assert found.costs.flops_per_frame == profile(network, toy.task(), "cpu").costs.flops_per_frame


def test_a_model_that_is_no_network_is_timed_whole(store: Path) -> None:
    found = profile(get_baseline("prior"), toy.task(), "cpu").as_json()
    assert found["seconds_per_run"] > 0
    for name in profiling.UNKNOWN:
        assert found[name] is None
        assert "no network" in found["notes"][name]
    assert found["parameters"] is None
    assert found["peak_memory_mib"] > 10


def test_a_busy_machine_is_said(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "BUSY", float("inf"))
    assert "too long" in profile(get_baseline("prior"), toy.task(), "cpu").costs.notes["times"]


def test_the_command_prints_and_writes_the_same(bench_home: Path, tmp_path: Path) -> None:
    bench = CliRunner()
    bench.invoke(cli, ["pull", "demo-4x300"], catch_exceptions=False)
    out = tmp_path / "new" / "cost.json"
    asked = ["profile", "single_frame", "--task", "demo-4x300", "--out", str(out)]
    printed = bench.invoke(cli, [*asked, "--json"], catch_exceptions=False).stdout
    assert json.loads(printed) == json.loads(out.read_text())
    found = json.loads(printed)
    assert found["flops_per_frame"] == 373_248
    assert found["machine"]["torch"] == torch.__version__
    assert "costs" not in found
    text = bench.invoke(cli, asked, catch_exceptions=False).stdout
    assert text.startswith("single_frame on demo-4x300, cpu\n")
    assert "373,248" in text


def test_what_cannot_be_measured_is_refused(bench_home: Path) -> None:
    with pytest.raises(DataError) as caught:
        profile(toy.CONV, toy.task(), "cpu")
    assert "bench pull toy" in caught.value.hint
    with pytest.raises(UsageError, match="CPU alone"):
        profile(get_baseline("gbdt"), toy.task(), "cuda")


def test_numbers_are_short_and_what_is_missing_is_left_out() -> None:
    machine: dict[str, str | int] = {"cores": 2}
    text = Profile("m", "t", "cpu", 285_892, None, Costs(1234.5, latency_ms=0.123456), machine).text()
    assert "285,892" in text
    assert "1,234 s" in text
    assert "0.123 ms" in text
    assert "memory" not in text


@pytest.mark.slow
def test_what_was_measured_goes_into_the_card_and_stays_there(
    bench_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiling, "BUSY", 0.0)  # whatever else this machine does
    bench, out = CliRunner(), tmp_path / "entry"
    bench.invoke(cli, ["pull", "demo-4x300"], catch_exceptions=False)
    train = ["train", "single_frame", "--task", "demo-4x300", "--epochs", "1", "--out", str(out)]
    bench.invoke(cli, train, catch_exceptions=False)
    card = read_entry(out).tasks["demo-4x300"]
    assert (card.flops_per_frame, card.latency_ms, card.hardware) == (373_248, None, None)
    asked = ["profile", "single_frame", "--task", "demo-4x300", "--into", str(out), "--json"]
    done = bench.invoke(cli, asked, catch_exceptions=False)
    assert done.stderr.endswith(f"next: bench evaluate {out} --task demo-4x300\n")
    (predictions := out / "demo-4x300").rename(tmp_path / "elsewhere")
    without = bench.invoke(cli, asked, catch_exceptions=False)
    assert without.stderr.endswith("--task demo-4x300 --card\n")
    found = json.loads(without.stdout)
    (tmp_path / "elsewhere").rename(predictions)
    bench.invoke(cli, [*train, "--seed", "1"], catch_exceptions=False)
    measured = read_entry(out).tasks["demo-4x300"]
    assert measured.latency_ms == float(f"{found['latency_ms']:.4g}")
    assert measured.frames_per_second == float(f"{found['frames_per_second']:.4g}")
    assert measured.hardware.startswith("one thread of ")
    assert measured.seconds_per_epoch == float(f"{found['seconds_per_epoch']:.4g}")
    assert measured.peak_memory_mib == float(f"{found['peak_memory_mib']:.4g}")
    unmeasured = dict.fromkeys(
        ("latency_ms", "frames_per_second", "seconds_per_epoch", "peak_memory_mib", "hardware")
    )
    assert replace(measured, **unmeasured) == card
    with pytest.raises(UsageError, match="answers no task 'toy'"):
        declare(
            Profile("m", "toy", "cpu", None, None, Costs(1.0), {"cores": 2}),
            get_baseline("single_frame"),
            out,
        )


def test_costs_of_another_model_or_of_a_busy_machine_stay_out_of_the_card(
    store: Path, tmp_path: Path
) -> None:
    train(toy.CONV, toy.task(), seed=0, device="cpu", out=tmp_path, epochs=1)
    card = (tmp_path / "submission.toml").read_bytes()
    there = read_entry(tmp_path).tasks["toy"]
    costs = Costs(1.0, flops_per_frame=there.flops_per_frame, latency_ms=0.123456)
    right = Profile("conv", "toy", "cpu", there.parameters, 90.0, costs, {"cores": 2, "processor": "none"})
    with pytest.raises(UsageError, match="is not what 'other' would train") as caught:
        declare(replace(right, model="other", parameters=7), toy.CONV, tmp_path)
    assert caught.value.problems[0] == f"parameters: {there.parameters} on its card, 7 here"
    busy = replace(costs, notes={"times": "too long: others left this process 33% of a core"})
    with pytest.raises(UsageError, match="nothing was written") as caught:
        declare(replace(right, costs=busy), toy.CONV, tmp_path)
    assert caught.value.problems == ("times are too long: others left this process 33% of a core",)
    with pytest.raises(UsageError, match="and 'gbdt' is another model"):
        declare(right, get_baseline("gbdt"), tmp_path)
    assert (tmp_path / "submission.toml").read_bytes() == card
    declare(right, toy.CONV, tmp_path)
    assert read_entry(tmp_path).tasks["toy"].latency_ms == 0.1235
