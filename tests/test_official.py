"""Official files: in folders and archives, compared with their digests, marked where they were changed."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench import hub, store
from bench.cli import cli
from bench.datacard import survey_dataset
from bench.datasets import DATASETS, calms21, demo, demo_unlabelled, get_dataset, get_task, oft, rat_dyads
from bench.errors import DataError
from bench.files import zips
from bench.pages import render
from bench.results import write
from bench.store import Changed, official
from bench.submissions import write_run
from bench.submitting import evaluate
from bench.tasks import Dataset, Task
from bench.text import datacard_text, result_text
from bench.verification import verify
from bench.verification.results import read_results
from tests.datasets.test_calms21 import ID, sequence

TRAIN, TEST = calms21.POSE_FILES
LAYOUT = {
    TRAIN: {"annotator-id_0": {ID: sequence(5), ID.replace("001", "002"): sequence(9)}},
    TEST: {"annotator-id_0": {ID.replace("001", "071"): sequence(7)}},
}
TOY = replace(calms21.DATASET, name="toy", digests={})
"""The reader of CalMS21, without a split and without digests."""


def packed(path: Path, members: Mapping[str, str | bytes] | None = None) -> Path:
    """Write an archive; by default in the official layout of Task 1, beside files that nobody asks for."""
    default = {f"{calms21.ARCHIVE}/{name}": json.dumps(content) for name, content in LAYOUT.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (members or {**default, f"{calms21.ARCHIVE}/video.mp4": "0"}).items():
            archive.writestr(name, content)
    return path


def loose(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in LAYOUT.items():
        (folder / name).write_text(json.dumps(content))
    return folder


def refused(dataset: Dataset, source: Path, home: Path) -> str:
    with pytest.raises(DataError) as fault:
        store.pull(dataset, source)
    assert list(home.glob("*")) == [], "nothing is written"
    return str(fault.value)


# ------------------------------------------------------------------------------ archives
def test_an_archive_a_folder_of_archives_and_the_files_give_the_same_store(
    bench_home: Path, tmp_path: Path
) -> None:
    archive = packed(tmp_path / "zips" / f"{calms21.ARCHIVE}.zip")
    packed(tmp_path / "zips" / "unlabeled_videos.zip", {"unlabeled_videos/part1.json": "{"})
    held, new = store.pull(TOY, archive)
    assert new
    assert [stored.frames for stored in held.recordings.values()] == [5, 9, 7]
    assert held.files == {archive.name: hashlib.sha256(archive.read_bytes()).hexdigest()}
    assert store.pull(TOY, tmp_path / "zips") == (held, False), "the other archive is none of its own"
    assert store.pull(TOY, loose(tmp_path / "files"))[1] is False
    assert store.pull(TOY, loose(tmp_path / "zips"))[1] is False, "loose files go before archives"
    assert [path.name for path in bench_home.iterdir()] == ["toy"]


def test_files_deeper_in_an_archive_are_found(bench_home: Path, tmp_path: Path) -> None:
    archive = packed(
        tmp_path / "a.ZIP", {f"download/2024/{name}": json.dumps(content) for name, content in LAYOUT.items()}
    )
    assert store.pull(TOY, archive)[0].frames == 21


def test_files_of_several_archives_are_read_together(bench_home: Path, tmp_path: Path) -> None:
    for number, (name, content) in enumerate(LAYOUT.items()):
        packed(tmp_path / "zips" / f"{number}.zip", {name: json.dumps(content)})
    assert store.pull(TOY, tmp_path / "zips")[0].frames == 21
    packed(tmp_path / "zips" / "2.zip", {TRAIN: "{}"})
    with pytest.raises(DataError, match="another archive holds it too"):
        store.pull(TOY, tmp_path / "zips", replace=True)


def _linked(path: Path) -> Path:
    member = zipfile.ZipInfo(TRAIN)
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, "/etc/passwd")
    return path


def _encrypted(path: Path) -> Path:
    data = bytearray(packed(path, {TRAIN: "{}"}).read_bytes())
    at = data.index(b"PK\x01\x02") + 8  # the flags, in the directory
    data[at] |= 1
    path.write_bytes(data)
    return path


def _twice(path: Path) -> Path:
    return packed(path, {f"a/{TRAIN}": "{}", f"b/{TRAIN}": "{ }"})


def _flipped(path: Path) -> Path:
    """Change one stored byte, which the checksum tells."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(TRAIN, '{"annotator-id_0": {}}')
    path.write_bytes(path.read_bytes().replace(b"annotator", b"annotatoR", 1))
    return path


def _cut(path: Path) -> Path:
    path.write_bytes(packed(path).read_bytes()[:-30])
    return path


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: packed(path, {f"../../{TRAIN}": "{}"}), "a path that leads out of the folder"),
        (lambda path: packed(path, {f"/etc/{TRAIN}": "{}"}), "a path that leads out of the folder"),
        (lambda path: packed(path, {f"a/../{TRAIN}": "{}"}), "a path that leads out of the folder"),
        (lambda path: packed(path, {f"C:/{TRAIN}": "{}"}), "a name with a backslash, a colon"),
        (lambda path: packed(path, {f"x\x1b[2J/{TRAIN}": "{}"}), "a sign that cannot be shown"),
        (_linked, "a link or a device"),
        (_encrypted, "encrypted"),
        (_twice, "two files for one place"),
        (_flipped, "damaged: Bad CRC-32"),
        (_cut, "not a zip archive, or cut short"),
        (lambda path: packed(path, {"readme.txt": "nothing"}), "no official file of 'toy' in a.zip"),
    ],
)
def test_a_hostile_or_broken_archive_is_refused(
    bench_home: Path, tmp_path: Path, make: Callable[[Path], Path], expected: str
) -> None:
    said = refused(TOY, make(tmp_path / "a.zip"), bench_home)
    assert expected in said
    assert "a.zip" in said
    assert "\x1b" not in said


def test_an_archive_that_would_fill_the_disk_is_refused(
    bench_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = packed(tmp_path / "a.zip")
    monkeypatch.setattr(zips, "LARGEST", 500)
    assert "bytes unpacked, expected at most 500" in refused(TOY, archive, bench_home)
    monkeypatch.setattr(zips, "LARGEST", 2**30)
    usage = zips.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(zips.shutil, "disk_usage", lambda path: usage._replace(free=600))
    assert "but only 600 are free on the disk of" in refused(TOY, archive, bench_home)


@pytest.mark.parametrize("name", ["nothing", "file.json"])
def test_a_source_that_is_neither_folder_nor_archive(bench_home: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "file.json").write_text("{}")
    assert "expected a folder or a .zip archive" in refused(TOY, tmp_path / name, bench_home)


# ------------------------------------------------------------------------------- digests
def declared(**digests: str) -> Dataset:
    return replace(TOY, digests={TRAIN: digests.get("train", ""), TEST: digests.get("test", "")})


def digest(name: str, algorithm: str) -> str:
    return f"{algorithm}:{hashlib.new(algorithm, json.dumps(LAYOUT[name]).encode()).hexdigest()}"


def test_files_with_the_declared_digests_are_taken(bench_home: Path, tmp_path: Path) -> None:
    """One digest is whole, and of another algorithm; of the other the first digits are known."""
    right = declared(train=digest(TRAIN, "md5"), test=digest(TEST, "sha256")[:23])
    held, _ = store.pull(right, loose(tmp_path / "files"))
    assert held.changed == ()
    assert store.pull(right, packed(tmp_path / "a.zip"), replace=True)[0].changed == ()


@pytest.mark.parametrize("archived", [False, True])
def test_a_file_of_another_digest_is_refused_by_name_or_marked(
    bench_home: Path, tmp_path: Path, archived: bool
) -> None:
    source = packed(tmp_path / "a.zip") if archived else loose(tmp_path / "files")
    wrong = declared(train=digest(TRAIN, "sha256"), test="md5:0123")
    said = refused(wrong, source, bench_home)
    assert f"{TEST}: {digest(TEST, 'md5')}, expected md5:0123" in said
    assert TRAIN not in said
    assert f"bench pull toy --from {source} --accept-changed" in said
    held, _ = store.pull(wrong, source, accept_changed=True)
    assert held.changed == (Changed(TEST, "md5:0123", digest(TEST, "md5")),)
    assert store.manifest(wrong) == held
    with pytest.raises(DataError, match="not as declared"):
        store.pull(wrong, source)
    assert store.pull(wrong, source, accept_changed=True)[1] is False


def test_an_archive_of_another_digest_is_refused(bench_home: Path, tmp_path: Path) -> None:
    archive = packed(tmp_path / "a.zip")
    assert "a.zip: md5:" in refused(replace(TOY, digests={"a.zip": "md5:77"}), archive, bench_home)


def test_a_store_from_before_the_digest_was_declared_gets_its_mark(bench_home: Path, tmp_path: Path) -> None:
    files = loose(tmp_path / "files")
    store.pull(TOY, files)
    held, new = store.pull(declared(train="md5:00", test="md5:"), files, accept_changed=True)
    assert new
    assert [changed.name for changed in held.changed] == [TRAIN]


@pytest.mark.parametrize("dataset", [d for d in DATASETS if d.digests], ids=lambda d: d.name)
def test_every_declared_digest_can_be_compared(dataset: Dataset) -> None:
    for name, value in dataset.digests.items():
        algorithm, digits = value.split(":")
        assert len(hashlib.new(algorithm).hexdigest()) >= len(digits) >= 16
        assert int(digits, 16) > 0
        matching = [p for p in (*dataset.official, "*.zip") if Path(name).match(p)]
        assert matching, f"{name} is never looked at"


def test_the_real_open_field_files(real_data: Path, bench_home: Path) -> None:
    """The labels are the published ones; the two pose tables at hand were saved again, and cut."""
    if not (real_data / "oft" / oft.FILE).is_file():
        pytest.skip(f"{real_data / 'oft'} is not there")
    with pytest.raises(DataError) as fault:
        store.pull(oft.DATASET, real_data / "oft")
    assert [problem.split("DeepCut")[0] for problem in fault.value.problems] == [
        "12_01_A_190507144429",
        "8_01_A_190507134142",
    ]


# --------------------------------------------------------------- the mark, wherever numbers are shown
@pytest.fixture
def changed(bench_home: Path, tmp_path: Path) -> Task:
    """Return the demo, of which another seed was simulated: none of its labels are the frozen ones."""
    task = get_task("demo")
    demo.write(tmp_path / "official", frames=300, seed=5)
    with pytest.raises(DataError, match="--accept-changed") as fault:
        store.pull(task.dataset, tmp_path / "official", [task])
    assert "demo: all/test: frames: 2,100, expected 14,000" in str(fault.value) or "expected" in str(
        fault.value
    )
    held, _ = store.pull(task.dataset, tmp_path / "official", [task], accept_changed=True)
    assert any(one.name == "demo: labels of mouse00001_simulated" for one in held.changed)
    return task


def test_changed_recordings_are_marked_wherever_a_number_is_shown(changed: Task, tmp_path: Path) -> None:
    ids = changed.load_split().ids("all", "test")
    scores = {r.id: r.labels.astype(np.float32) for r in store.load(changed.dataset, ids, poses=False)}
    runner = CliRunner()
    entry = tmp_path / "entry"
    assert runner.invoke(cli, ["new", str(entry), "--task", "demo"]).exit_code == 0
    write_run(entry, "demo", "seed0", {"all": scores})
    (result,) = evaluate(entry)
    write(result, tmp_path / "results")
    assert {"name", "expected", "found"} == set(result.changed[0])
    (read,) = read_results(tmp_path / "results")
    assert read.digest() == result.digest() != replace(result, changed=()).digest()
    assert "CHANGED DATA: not as declared or frozen\n  demo: all/train: frames: 3,600" in result_text(read)
    page = render([read])["demo.html"]
    assert "Changed data" in page
    assert "Changed data" not in render([replace(read, changed=())])["demo.html"]
    wrong = [check.what for check in verify([changed], []) if check.ok is False]
    assert any("demo: labels of mouse00001_simulated" in what for what in wrong)
    compared = runner.invoke(cli, ["compare", str(entry), str(entry), "--task", "demo"]).output
    assert f"CHANGED DATA, {len(result.changed)} departures" in compared
    card = runner.invoke(cli, ["data", "demo"]).output
    assert "CHANGED: not as declared or frozen" in card
    with pytest.raises(DataError, match="--accept-changed: it is not published"):
        hub.repository(changed.dataset, [changed], tmp_path / "copy")


def test_what_is_missing_is_never_accepted(bench_home: Path, tmp_path: Path) -> None:
    task = get_task("demo")
    demo.write(tmp_path / "official", recordings=10, frames=50)
    with pytest.raises(DataError, match="is missing") as fault:
        store.pull(task.dataset, tmp_path / "official", [task], accept_changed=True)
    assert "--accept-changed" not in (fault.value.hint or "")


def test_the_flag_is_about_official_files(bench_home: Path) -> None:
    done = CliRunner().invoke(cli, ["pull", "demo", "--accept-changed"])
    assert "about official files" in str(done.exception)


def test_the_card_of_a_data_set_without_labels(bench_home: Path, tmp_path: Path) -> None:
    dataset = get_dataset("demo-unlabelled")
    demo_unlabelled.write(tmp_path / "official", recordings=6, frames=40)
    store.pull(dataset, tmp_path / "official")
    card = datacard_text(survey_dataset(dataset, store.load_all(dataset)))
    assert "No labels: poses alone" in card
    assert "6 of 6 groups, 6 with poses" in card


def test_litter_is_no_official_file(bench_home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "._37DLC_x.csv").write_bytes(b"\x00\x05\x16\x07")
    (folder / "._all.zip").write_bytes(b"\x00\x05\x16\x07")
    (folder / "37_annot.txt").write_text("no annotation")
    found = official.find(rat_dyads.DATASET, folder)
    assert [path.name for path in found.files] == ["37_annot.txt"]
    archive = packed(
        tmp_path / "a.zip", {"37_annot.txt": "a", "__MACOSX/37_annot.txt": "b", "raw/._3DLC.csv": "c"}
    )
    assert list(zips.members(archive, rat_dyads.DATASET.official)) == ["37_annot.txt"]


def test_a_folder_above_the_official_files_is_told_which_would_do(bench_home: Path, tmp_path: Path) -> None:
    (tmp_path / "lab" / "2024" / "raw").mkdir(parents=True)
    (tmp_path / "lab" / "2024" / "raw" / "37_annot.txt").write_text("no annotation")
    said = refused(rat_dyads.DATASET, tmp_path / "lab", bench_home)
    assert f"next: bench pull rat-dyads --from {tmp_path / 'lab' / '2024'}" in said
