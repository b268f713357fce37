"""The units and heads of Bento's files: frames, seconds over the rate, seconds over the whole rate."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.datasets.formats.bento import UNITS, Annot, read_annot
from bench.datasets.formats.intervals import Interval
from bench.errors import DataError

BOUTS = ((100, 200), (9001, 9100))
FOUND = tuple(Interval(start - 1, stop, "attack") for start, stop in BOUTS)
RATES = (29.97, 59.94, 23.976, 30.0, 25.0)


def annot(
    path: Path, rate: float, bouts: list[str], *, head: str = "frame", title: str = "Bento annotation file"
) -> Path:
    stop = 9300 if head == "frame" else 9300 / rate
    start = 1 if head == "frame" else 1 / rate
    lines = [title, "Movie file(s):  a.avi", "", "Stimulus name: "]
    lines += [f"Annotation start {head}: {start}", f"Annotation stop {head}: {stop}"]
    lines += [f"Annotation framerate: {rate:f}", "", "List of channels:", "Ch1", "Ch 2", ""]
    lines += ["List of annotations:", "attack", "", "Ch1----------", ">attack", "Start\t Stop\t Duration "]
    path.write_text("\n".join([*lines, *bouts, "", "", ""]))
    return path


def matlab(rate: float) -> list[str]:
    """Write bouts as MATLAB's program of today does: twelve digits, the stop counted in the duration."""
    return [
        f"{start / rate:.12g}\t{stop / rate:.12g}\t{(stop - start + 1) / rate:.12g}" for start, stop in BOUTS
    ]


def python(rate: float) -> list[str]:
    """Write bouts as the Python program does: all digits, over the whole rate."""
    whole = round(rate)
    return [f"{start / whole}\t{stop / whole}\t{(stop - start) / whole}" for start, stop in BOUTS]


def refused(path: Path, unit: str | None = None) -> str:
    with pytest.raises(DataError) as caught:
        read_annot(path, unit)
    assert caught.value.hint
    return str(caught.value)


def bouts_of(found: Annot) -> tuple[Interval, ...]:
    assert found.notes, "which reading was taken is said"
    return found.channels["Ch1"]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(("program", "head"), [(matlab, "frame"), (matlab, "time"), (python, "frame")])
def test_both_programs_are_read_as_they_write(tmp_path: Path, rate: float, head: str, program) -> None:
    found = read_annot(annot(tmp_path / "a.annot", rate, program(rate), head=head))
    assert bouts_of(found) == FOUND
    assert (found.first, found.stop, found.channels["Ch 2"]) == (0, 9300, ())


@pytest.mark.parametrize("duration", [1, 0], ids=["MATLAB of old", "frames without the stop"])
@pytest.mark.parametrize("head", ["frame", "time"])
def test_whole_numbers_are_frames(tmp_path: Path, duration: int, head: str) -> None:
    bouts = [f"{start}\t{stop}\t{stop - start + duration}" for start, stop in BOUTS]
    assert bouts_of(read_annot(annot(tmp_path / "a.annot", 29.97, bouts, head=head))) == FOUND
    floats = [f"{start}.0\t{stop}.0\t{stop - start + 1}.0" for start, stop in BOUTS]
    assert bouts_of(read_annot(annot(tmp_path / "b.annot", 29.97, floats, head=head))) == FOUND


def test_whole_numbers_that_may_be_seconds_are_refused_unless_it_is_said(tmp_path: Path) -> None:
    path = annot(tmp_path / "a.annot", 25.0, ["10\t20\t10", "300\t310\t10"], head="time")
    assert all(unit in refused(path) for unit in UNITS)
    assert bouts_of(read_annot(path, "frames"))[0] == Interval(9, 20, "attack")
    assert bouts_of(read_annot(path, "seconds"))[0] == Interval(249, 500, "attack")
    seconds = annot(tmp_path / "b.annot", 25.0, ["10\t20\t10.04"], head="time")
    assert bouts_of(read_annot(seconds))[0] == Interval(249, 500, "attack")


def test_where_the_numbers_leave_two_units_the_head_decides(tmp_path: Path) -> None:
    early = ["0.1\t0.3\t0.2"]  # frames 3 and 9 by either rate
    of_matlab = read_annot(annot(tmp_path / "a.annot", 29.97, early))
    of_python = read_annot(annot(tmp_path / "b.annot", 29.97, early, title="Bento annotation file v2.0"))
    assert of_matlab.channels == of_python.channels
    assert "29.97" in of_matlab.notes[0]
    assert "frame / 30 " in of_python.notes[0]


def test_times_between_frames_are_seconds_and_it_is_said(tmp_path: Path) -> None:
    found = read_annot(annot(tmp_path / "a.annot", 29.97, ["3.349\t6.613\t3.264", "100.017\t101.482\t1.465"]))
    assert found.channels["Ch1"][1] == Interval(2997, 3041, "attack")
    assert "no unit" in found.notes[0]


def test_bouts_past_the_end_are_cut_as_far_as_the_tolerance_allows(tmp_path: Path) -> None:
    path = annot(tmp_path / "a.annot", 25.0, ["9290\t9302\t13", "9302\t9302\t1"])
    assert "tolerance" in refused(path)
    with pytest.raises(DataError):
        read_annot(path, tolerance=1)
    found = read_annot(path, tolerance=2)
    assert found.channels["Ch1"] == (Interval(9289, 9300, "attack"), Interval(9299, 9300, "attack"))
    assert any("2 bouts" in note for note in found.notes)


def test_a_unit_that_does_not_fit_is_refused_with_what_to_write(tmp_path: Path) -> None:
    path = annot(tmp_path / "a.annot", 25.0, ["100.0\t8000.5\t1"])
    assert "ends after the last" in refused(path)
    assert "times = one of frames, seconds, nominal" in refused(path)


def test_a_head_in_times_is_checked(tmp_path: Path) -> None:
    text = annot(tmp_path / "a.annot", 25.0, [], head="time").read_text()
    for old, new in (("start time: 0.04", "start time: now"), ("stop time: 372.0", "stop time: 0.01")):
        assert old in text
        (tmp_path / "b.annot").write_text(text.replace(old, new))
        refused(tmp_path / "b.annot")
    (tmp_path / "b.annot").write_text(text.replace("stop time: 372.0", "stop time: 1e30"))
    assert "1e30" in refused(tmp_path / "b.annot")
    (tmp_path / "b.annot").write_bytes(text.replace("start time: 0.04", "start time: 0").encode("utf-8-sig"))
    assert read_annot(tmp_path / "b.annot").first == 0
