"""One step from the old file to the new one, whatever happens between."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from bench.files.writing import replacing, replacing_text, write_bytes, write_text


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
