"""One step from the old file to the new one, whatever happens between."""

from __future__ import annotations

import errno
import io
import os
import threading
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from bench.cli import main
from bench.files.locking import locked
from bench.files.writing import (
    appending,
    make_folder,
    replacing,
    replacing_text,
    resuming,
    sweep,
    write_bytes,
    write_text,
)


def test_a_file_is_written_whole_and_its_folder_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    write_text(path, "one\r\ntwo é\n")
    assert path.read_bytes() == "one\r\ntwo é\n".encode()
    write_bytes(path, b"three")
    assert path.read_bytes() == b"three"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_until_the_end_the_old_file_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new, and longer")
        file.seek(0)
        file.write(b"NEW")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"NEW, and longer"


def test_text_is_written_line_end_by_line_end(tmp_path: Path) -> None:
    with replacing_text(tmp_path / "a.txt") as out:
        out.write("é\n")
        out.write("b\r\n")
    assert (tmp_path / "a.txt").read_bytes() == "é\nb\r\n".encode()
    with pytest.raises(ValueError, match="stop"), replacing_text(tmp_path / "a.txt") as out:  # noqa: PT012
        out.write("half")
        raise ValueError("stop")
    assert (tmp_path / "a.txt").read_bytes() == "é\nb\r\n".encode()
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_everything_as_it_was(tmp_path: Path, fault: type[BaseException]) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(fault), replacing(path) as file:  # noqa: PT012
        file.write(b"half")
        raise fault
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_a_folder_in_the_way_leaves_no_rest(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(OSError, match=r"a"):
        write_bytes(tmp_path / "a", b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    away = tmp_path / "away"
    away.write_text("kept")
    (tmp_path / "a").symlink_to(away)
    write_text(tmp_path / "a", "new")
    assert away.read_text() == "kept"
    assert not (tmp_path / "a").is_symlink()


def test_nothing_is_written_into_a_linked_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(NotADirectoryError, match="a link, expected a folder"):
        write_text(tmp_path / "link" / "a", "new")
    assert not list((tmp_path / "real").iterdir())


def test_the_rights_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    write_text(tmp_path / "a", "")
    assert os.stat(tmp_path / "a").st_mode == os.stat(tmp_path / "plain").st_mode  # noqa: PTH116


def test_of_many_writers_one_wins_and_every_file_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    texts = [f"{i}" * 100_000 for i in range(4)]
    write_text(path, texts[0])
    writers = [threading.Thread(target=lambda t=t: [write_text(path, t) for _ in range(20)]) for t in texts]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert path.read_text() in texts
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_log_is_added_to_and_no_link_or_pipe_followed(tmp_path: Path) -> None:
    for line in ("one\n", "two\n"):
        with appending(tmp_path / "logs" / "a.log") as log:
            log.write(line)
    assert (tmp_path / "logs" / "a.log").read_text() == "one\ntwo\n"
    (tmp_path / "away").write_text("kept")
    (tmp_path / "link.log").symlink_to(tmp_path / "away")
    os.mkfifo(tmp_path / "pipe.log")
    for name in ("link.log", "pipe.log"):
        with pytest.raises(OSError, match=name), appending(tmp_path / name):
            pass
    assert (tmp_path / "away").read_text() == "kept"


def test_a_file_goes_on_behind_what_is_whole_and_no_link_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.rows"
    for size, data in ((0, b"onetw"), (3, b"two")):
        with resuming(path, size) as file:
            file.write(data)
    assert path.read_bytes() == b"onetwo"
    (tmp_path / "away").write_text("kept")
    (tmp_path / "link.rows").symlink_to(tmp_path / "away")
    with pytest.raises(OSError, match=r"link\.rows"), resuming(tmp_path / "link.rows", 0):
        pass
    assert (tmp_path / "away").read_text() == "kept"


def test_no_folder_is_made_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    (tmp_path / "entry").mkdir()
    (tmp_path / "entry" / ".work").symlink_to(tmp_path / "away")
    with pytest.raises(NotADirectoryError, match="a link, expected a folder"):
        make_folder(tmp_path / "entry", ".work", "demo")
    assert not list((tmp_path / "away").iterdir())
    assert make_folder(tmp_path / "entry", "a", "b").is_dir()
    assert make_folder(tmp_path / "entry", "a", "b").is_dir()


def test_a_lock_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "away").write_text("kept")
    (tmp_path / "a.lock").symlink_to(tmp_path / "away")
    with pytest.raises(OSError, match=r"a\.lock"), locked(tmp_path / "a.lock"):
        pass
    assert (tmp_path / "away").read_text() == "kept"
    with locked(tmp_path / "b" / "b.lock"):
        pass


def test_a_full_disk_leaves_nothing_and_the_fault_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    (tmp_path / "a").write_text("old")
    with pytest.raises(OSError, match="No space left") as fault:
        write_text(tmp_path / "a", "new")
    assert fault.value.filename == str(tmp_path / "a")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"
    monkeypatch.setattr("sys.argv", ["bench", "new", str(tmp_path / "entry"), "--task", "demo"])
    printed = io.StringIO()
    with pytest.raises(SystemExit) as end, redirect_stderr(printed):
        main()
    assert end.value.code == 2
    assert str(tmp_path / "entry") in printed.getvalue()
    assert "bytes are free" in printed.getvalue()
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and p.name != "a"]


@pytest.mark.skipif(os.name != "posix", reason="the system has no locks that it takes from a dead process")
def test_what_a_killed_writer_left_is_swept_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    dead, empty, other = (tmp_path / f".{name}.part" for name in ("0" * 16, "1" * 16, "notes"))
    for path in (dead, other):
        path.write_text("half a fi")
    empty.touch()
    (tmp_path / f".{'2' * 16}.part").symlink_to(other)
    with replacing(tmp_path / "a.txt") as file:
        file.write(b"whole")
        file.flush()
        sweep(tmp_path)
        assert not dead.exists()
        assert empty.exists(), "its writer may be about to hold it"
    os.utime(empty, (0, 0))
    sweep(tmp_path)
    assert not empty.exists()
    assert (tmp_path / "a.txt").read_bytes() == b"whole"
    assert other.exists()
    sweep(tmp_path / "nowhere")
