"""Runs and cards are written so that they read back as what they were, or not at all."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import SubmissionError, UsageError
from bench.files.schema import text_fault
from bench.kinds import FRAMES, THRESHOLD
from bench.submissions import (
    Entry,
    TaskCard,
    predictions_digest,
    read_entry,
    scaffold,
    write_card,
    write_run,
)
from bench.submissions.card import parse, to_toml

from .conftest import CLASSES, TASK, make_entry, make_task, random_scores, read

LINES = st.text(
    st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp", "Mn", "Me"]), min_size=1, max_size=30
).filter(lambda line: line.strip() and text_fault(line) is None)  # there are letters without a shape
NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
ADDRESSES = st.from_regex(r"https://[a-z0-9-]{1,10}\.org(/[A-Za-z0-9?=&#%~_.-]{0,20})?", fullmatch=True)
CARDS = st.fixed_dictionaries(
    {
        "classes": st.lists(LINES, min_size=1, max_size=5).map(tuple),
        "output": st.sampled_from(["probabilities", "scores"]),
        "description": LINES,
        "extra_data": LINES,
        "causal": st.booleans(),
        "remark": st.none() | LINES,
        "parameters": st.none() | st.integers(0, 2**63 - 1),
        "flops_per_frame": st.none() | st.integers(0, 2**63 - 1),
        "frames_per_second": st.none() | st.floats(0, 1e12),
        "latency_ms": st.none() | st.floats(0, 1e12),
        "seconds_per_epoch": st.none() | st.floats(0, 1e12),
        "peak_memory_mib": st.none() | st.floats(0, 1e12),
        "hardware": st.none() | LINES,
    }
)
ENTRIES = st.fixed_dictionaries(
    {
        "id": NAMES,
        "name": LINES,
        "authors": st.lists(LINES, min_size=1, max_size=4).map(tuple),
        "licence": LINES,
        "code": st.none() | ADDRESSES,
        "paper": st.none() | ADDRESSES,
    }
)


@settings(deadline=None)
@given(ENTRIES, st.dictionaries(NAMES, CARDS, min_size=1, max_size=2))
def test_every_card_reads_back_as_it_was_written(fields, cards):
    entry = Entry(**fields, tasks={name: TaskCard(**card) for name, card in cards.items()})
    assert parse(entry.id, tomllib.loads(to_toml(entry))) == (entry, [])


def test_a_card_is_written_once_unless_asked(tmp_path):
    folder = tmp_path / "mine"
    path = write_card(folder, make_entry(folder))
    assert path == folder / "submission.toml"
    with pytest.raises(UsageError, match=r"submission\.toml exists"):
        write_card(folder, make_entry(folder))
    write_card(folder, make_entry(folder, name="Other"), replace=True)
    assert read_entry(folder).name == "Other"
    assert [p.name for p in folder.iterdir()] == ["submission.toml"]


def test_a_card_of_too_many_dots_is_not_written(tmp_path):
    with pytest.raises(SubmissionError, match="more than 200 dots"):
        write_card(tmp_path / "mine", make_entry(tmp_path / "mine", authors=("A" + "." * 99,) * 3))
    assert not (tmp_path / "mine").exists()


def test_a_card_that_would_not_be_read_is_not_written(tmp_path):
    folder = tmp_path / "mine"
    bad = make_entry(folder, name="two\nlines", authors=(), code="http://a.org")
    with pytest.raises(SubmissionError) as caught:
        write_card(folder, bad)
    for piece in (
        "name: holds U+000A",
        "authors: [], expected a list of 1 to 100",
        "code: 'http://a.org'",
    ):
        assert piece in str(caught.value)
    with pytest.raises(SubmissionError, match="id 'yours', the folder is named 'mine'"):
        write_card(folder, make_entry(folder, id="yours"))
    card = make_entry(folder).tasks["demo"]
    with pytest.raises(SubmissionError, match=r"task 'a\.b\]': expected lower-case"):
        write_card(folder, make_entry(folder, tasks={"a.b]": card}))
    assert not folder.exists()


def test_the_same_scores_give_the_same_bytes_in_any_order(tmp_path):
    scores = random_scores()
    path = write_run(tmp_path / "a", "demo", "seed0", scores)
    backwards = {part: dict(reversed(ids.items())) for part, ids in reversed(scores.items())}
    again = write_run(tmp_path / "b", "demo", "seed0", backwards)
    assert path == tmp_path / "a" / "demo" / "seed0.npz"
    assert path.read_bytes() == again.read_bytes()
    with np.load(path) as arrays:
        np.testing.assert_array_equal(arrays["rater-2/na"], scores["rater-2"]["na"])


def test_a_run_is_written_in_one_step(tmp_path, monkeypatch):
    path = write_run(tmp_path, "demo", "seed0", random_scores(0))
    before = path.read_bytes()

    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(np.lib.format, "write_array", fail)
    with pytest.raises(OSError, match="disk full"):
        write_run(tmp_path, "demo", "seed0", random_scores(1))
    assert path.read_bytes() == before


def test_what_cannot_be_read_back_is_not_written(tmp_path):
    scores = random_scores()
    bad = {
        "all": {
            "mouse001": scores["all"]["mouse001"].astype(np.float64),
            "mouse002": scores["all"]["mouse002"][:, 0],
            "mouse003": scores["all"]["mouse003"][:, :3],
            "../mouse": scores["all"]["mouse003"],
            "big": scores["all"]["mouse003"].astype(">f4"),
        },
        "no part": {"none": np.zeros((0, 4), np.float32)},
    }
    with pytest.raises(SubmissionError) as caught:
        write_run(tmp_path, "de/mo", "Seed 0", bad)
    for piece in (
        "task 'de/mo': expected lower-case",
        "run 'Seed 0': expected lower-case",
        "part 'no part': expected lower-case",
        "recording '../mouse': expected lower-case",
        "all/mouse001: float64, expected float32",
        "all/big: >f4, expected float32",
        "all/mouse002: shape (67,), expected (frames, classes)",
        "no part/none: shape (0, 4), expected (frames, classes)",
        "arrays of different numbers of classes: 4 in all/mouse001, 3 in all/mouse003",
    ):
        assert piece in str(caught.value)
    for nothing in ({}, {"all": {}}):
        with pytest.raises(SubmissionError, match="no recording"):
            write_run(tmp_path, "demo", "seed0", nothing)
    assert list(tmp_path.iterdir()) == []


def test_a_scaffold_validates_once_predictions_are_there(tmp_path):
    folder = tmp_path / "my-model"
    written = scaffold(folder, TASK)
    assert written == [folder / "submission.toml", folder / "README.md"]
    assert read_entry(folder).tasks["demo"].classes == CLASSES
    assert "# of your code" in written[0].read_text()
    with pytest.raises(SubmissionError, match="no run, expected files such as"):
        read(folder)
    write_run(folder, "demo", "seed0", random_scores())
    entry, predictions = read(folder)
    assert entry.id == "my-model"
    assert list(predictions) == ["seed0"]


@pytest.mark.parametrize(
    ("exclusive", "comment", "rule"),
    [
        (True, 'or "scores": any real', "the class of the highest score, of equals the first class"),
        (False, "each in [0, 1], a row need not", f"every class whose probability is at least {THRESHOLD}"),
    ],
)
def test_a_scaffold_says_how_scores_become_labels(tmp_path, exclusive, comment, rule):
    task = make_task(exclusive=exclusive)
    card, page = (path.read_text() for path in scaffold(tmp_path / "mine", task))
    assert f'output = "probabilities"  # {comment}' in card
    assert ('"scores"' in card) == exclusive
    assert rule in page
    write_run(tmp_path / "mine", "demo", "seed0", random_scores())
    read(tmp_path / "mine", task)


def test_a_scaffold_writes_over_nothing_and_says_what_to_add(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "README.md").write_text("my notes")
    with pytest.raises(UsageError, match=r"README\.md exists"):
        scaffold(folder, TASK)
    assert [p.name for p in folder.iterdir()] == ["README.md"]
    (folder / "README.md").unlink()
    scaffold(folder, TASK)
    with pytest.raises(UsageError) as caught:
        scaffold(folder, make_task("rats"))
    block = "\n".join(line.strip() for line in str(caught.value).split("\n\n", 1)[1].splitlines())
    card = folder / "submission.toml"
    card.write_text(f"{card.read_text()}\n{block}\n")
    assert set(read_entry(folder).tasks) == {"demo", "rats"}
    with pytest.raises(UsageError, match="folder name 'My model': expected lower-case"):
        scaffold(tmp_path / "My model", TASK)


def test_the_page_names_the_folder_as_it_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scaffold(Path("submissions/mine"), TASK)
    page = Path("submissions/mine/README.md").read_text()
    assert "bench validate submissions/mine" in page
    assert 'bench.write_run("submissions/mine", task, 0, ' in page
    assert str(tmp_path) not in page


def test_the_line_of_numpy_on_the_scaffolded_page_runs(tmp_path, monkeypatch):
    scaffold(tmp_path / "mine", TASK)
    page = (tmp_path / "mine" / "README.md").read_text()
    call = re.search(r"`(numpy\.savez\(.*?\))`", page).group(1)
    code = "import numpy\n" + call.replace("scores, ...", "my_array").replace("{", "{**others, ")
    scores = random_scores()
    others = {f"{part}/{id_}": array for part, ids in scores.items() for id_, array in ids.items()}
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine" / "demo").mkdir(exist_ok=True)
    exec(code, {"others": others, "my_array": scores["all"]["mouse001"]})  # noqa: S102
    _, predictions = read(tmp_path / "mine")
    assert predictions["seed0"]["rater-2"]["na"].shape == (23, 4)
    assert len(predictions_digest(FRAMES, predictions)) == 64
