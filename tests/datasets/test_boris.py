"""What BORIS writes: time offsets, modifiers, several observations, separators, events at the very end."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.datasets.formats.boris import Events, observation_ids, read_events, read_observations
from bench.datasets.formats.intervals import Interval
from bench.errors import DataError

COLUMNS = (
    *("Observation id", "Observation type", "Source", "Time offset (s)", "Media duration (s)", "FPS"),
    *("Subject", "Behavior", "Modifier #1", "Behavior type"),
)
AGGREGATED = (*COLUMNS, "Start (s)", "Stop (s)")
TABULAR = (*COLUMNS, "Time")
LENGTH, RATE = "40.000", "25.000"


def export(path: Path, columns: tuple[str, ...], *events: dict[str, str], separator: str = ",") -> Path:
    """Write events below a header; what they do not say is that of rat A in observation m01."""
    same = {
        **dict.fromkeys(COLUMNS, ""),
        "Observation id": "m01",
        "Media duration (s)": LENGTH,
        "FPS": RATE,
        "Time offset (s)": "0",
        "Subject": "ratA",
        "Behavior": "attack",
    }
    rows = [columns, *([(same | event)[name] for name in columns] for event in events)]
    path.write_text("".join(separator.join(row) + "\n" for row in rows))
    return path


def bout(start: str, stop: str, **others: str) -> dict[str, str]:
    named = {name.replace("_", " "): value for name, value in others.items()}
    return {"Behavior type": "STATE", "Start (s)": start, "Stop (s)": stop, **named}


def event(status: str, time: str, modifier: str = "", **others: str) -> dict[str, str]:
    named = {name.replace("_", " "): value for name, value in others.items()}
    return {"Behavior type": status, "Time": time, "Modifier #1": modifier, **named}


def spans(events: Events) -> list[tuple[int, int]]:
    return [(interval.start, interval.stop) for interval in events.intervals]


def refused(path: Path, tolerance: int = 0) -> str:
    with pytest.raises(DataError) as caught:
        read_events(path, tolerance)
    assert caught.value.hint
    return str(caught.value)


# --------------------------------------------------------------------------- the time offset
@pytest.mark.parametrize(
    ("offset", "shift"), [("10.000", 10), ("-3.5", -3.5), ("00:01:10.000", 70), ("NA", 0)]
)
def test_the_time_offset_is_taken_off_every_event(tmp_path: Path, offset: str, shift: float) -> None:
    given = {"Time offset (s)": offset}
    whole = export(tmp_path / "a.csv", AGGREGATED, bout(f"{shift + 2}", f"{shift + 4}") | given)
    pairs = [event("START", f"{shift + 2}") | given, event("STOP", f"{shift + 4}") | given]
    for path in (whole, export(tmp_path / "b.csv", TABULAR, *pairs)):
        events = read_events(path)
        assert events.intervals == (Interval(50, 100, "attack"),)
        assert events.frames == 1000
        assert any("offset" in note for note in events.notes) == bool(shift)


def test_the_time_offset_may_stand_above_the_table(tmp_path: Path) -> None:
    path = export(tmp_path / "a.csv", TABULAR[:3] + TABULAR[4:], event("START", "12"), event("STOP", "14"))
    path.write_text(f"Observation id,m01\nTime offset (s),10.0\n\n{path.read_text()}")
    assert spans(read_events(path)) == [(50, 100)]


def test_an_event_before_the_video_is_refused_and_the_offset_named(tmp_path: Path) -> None:
    path = export(tmp_path / "a.csv", AGGREGATED, bout("5", "14") | {"Time offset (s)": "10"})
    assert "line 2" in refused(path)
    assert "offset of 10 s" in refused(path)
    path = export(tmp_path / "b.csv", TABULAR, event("POINT", "-1"))
    assert "line 2" in refused(path)
    early = [event("START", "0.000"), event("STOP", "-0.001", Behavior="attack"), event("START", "1")]
    assert "never stops" in refused(export(tmp_path / "c.csv", TABULAR, *early))


def test_two_offsets_in_one_observation_are_refused(tmp_path: Path) -> None:
    path = export(tmp_path / "a.csv", AGGREGATED, bout("1", "2"), bout("3", "4") | {"Time offset (s)": "1"})
    assert "Time offset: 0, 1" in refused(path)


# --------------------------------------------------------------------------- pairs
def test_a_state_is_paired_with_its_modifiers(tmp_path: Path) -> None:
    events = [event("START", "2", "head"), event("START", "3", "back")]
    events += [event("STOP", "4", "head"), event("STOP", "5", "back")]
    assert spans(read_events(export(tmp_path / "a.csv", TABULAR, *events))) == [(50, 100), (75, 125)]
    assert "stops without a start" in refused(export(tmp_path / "b.csv", TABULAR, event("STOP", "4", "head")))


def test_two_events_within_one_frame_count_once_and_it_is_said(tmp_path: Path) -> None:
    points = [event("POINT", "2.000"), event("POINT", "2.010"), event("POINT", "2.000", Subject="ratB")]
    events = read_events(export(tmp_path / "a.csv", TABULAR, *points))
    assert list(zip(spans(events), events.subjects, strict=True)) == [((50, 51), "ratA"), ((50, 51), "ratB")]
    assert any("count once" in note for note in events.notes)
    assert "stands there twice" in refused(export(tmp_path / "b.csv", TABULAR, *points[:1] * 2))


def test_a_state_shorter_than_a_frame_holds_one_frame(tmp_path: Path) -> None:
    events = read_events(export(tmp_path / "a.csv", AGGREGATED, bout("1.000", "1.010"), bout("39.99", "40")))
    assert spans(events) == [(25, 26), (999, 1000)]
    assert any("shorter than a frame" in note for note in events.notes)


# --------------------------------------------------------------------------- the end of the video
def test_events_past_the_stated_length_are_cut_as_far_as_the_tolerance_allows(tmp_path: Path) -> None:
    path = export(tmp_path / "a.csv", AGGREGATED, bout("38", "40.060"), bout("40.05", "40.05"))
    assert "attack [950, 1002) ends after the last of 1,000 frames; tolerance = 2" in refused(path)
    assert "tolerance = 2" in refused(path, tolerance=1)
    events = read_events(path, tolerance=2)
    assert spans(events) == [(950, 1000), (999, 1000)]
    assert any("2 events" in note and "1.5 frames" in note for note in events.notes)
    far = export(tmp_path / "b.csv", AGGREGATED, bout("38", "1e9"))
    assert "tolerance" not in refused(far, tolerance=5)


def test_times_that_count_from_elsewhere_are_told_as_such(tmp_path: Path) -> None:
    path = export(tmp_path / "a.csv", AGGREGATED, bout("1735812002", "1735812004"))
    assert "every event lies after the end" in refused(path)
    path = export(tmp_path / "b.csv", AGGREGATED, bout("40.03", "40.05"))
    assert spans(read_events(path, tolerance=2)) == [(999, 1000)]


def test_a_point_at_the_last_instant_is_in_the_last_frame(tmp_path: Path) -> None:
    events = read_events(export(tmp_path / "a.csv", TABULAR, event("POINT", "40.000")))
    assert spans(events) == [(999, 1000)]
    assert not events.notes


# --------------------------------------------------------------------------- observations
def test_observations_are_never_merged(tmp_path: Path) -> None:
    other = {"Observation id": "m02", "Media duration (s)": "30", "FPS": "20"}
    path = export(tmp_path / "a.csv", AGGREGATED, bout("2", "4"), bout("20", "22") | other)
    assert "m01, m02" in refused(path)
    assert observation_ids(path) == ("m01", "m02")
    found = read_observations(path)
    assert {id_: (spans(events), events.frames) for id_, events in found.items()} == {
        "m01": ([(50, 100)], 1000),
        "m02": ([(400, 440)], 600),
    }
    path = export(tmp_path / "b.csv", TABULAR, event("START", "2"), event("STOP", "3", Observation_id="m02"))
    with pytest.raises(DataError) as caught:
        read_observations(path)
    assert [problem[:4] for problem in caught.value.problems] == ["m01:", "m02:"]


def test_an_export_without_events_says_nothing_of_the_video(tmp_path: Path) -> None:
    path = export(tmp_path / "a.csv", TABULAR)
    assert "no events" in refused(path)
    (events,) = read_observations(path).values()
    assert (events.frames, events.intervals) == (0, ())
    assert observation_ids(path) == ()


@pytest.mark.parametrize(
    ("length", "rate", "told"),
    [
        ("40|40", "25|25", ""),
        ("40|30", "25", "30, 40"),
        ("20;20", "25;25", "several files"),
        ("NA", "NA", "live"),
    ],
)
def test_players_must_agree(tmp_path: Path, length: str, rate: str, told: str) -> None:
    path = export(
        tmp_path / "a.csv", AGGREGATED, bout("2", "4") | {"Media duration (s)": length, "FPS": rate}
    )
    if told:
        assert told in refused(path)
    else:
        assert read_events(path).frames == 1000


# --------------------------------------------------------------------------- text
@pytest.mark.parametrize("columns", [AGGREGATED, TABULAR])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_and_byte_order_marks(
    tmp_path: Path, columns: tuple[str, ...], separator: str, encoding: str
) -> None:
    events = [bout("2.0", "4.0")] if columns is AGGREGATED else [event("START", "2.0"), event("STOP", "4.0")]
    path = export(tmp_path / "a.csv", columns, *events, separator=separator)
    text = path.read_text().replace(".", "," if separator == ";" else ".")
    path.write_bytes(text.encode(encoding))
    assert spans(read_events(path)) == [(50, 100)]
    assert observation_ids(path) == ("m01",)


def test_times_may_be_written_with_hours(tmp_path: Path) -> None:
    path = export(tmp_path / "a.csv", AGGREGATED, bout("00:00:02.000", "00:00:04.500"))
    assert spans(read_events(path)) == [(50, 112)]
    assert "expected seconds" in refused(export(tmp_path / "b.csv", AGGREGATED, bout("1:2:3:4", "9")))
