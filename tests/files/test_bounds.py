"""What a small file may claim: sizes are bounded before they are believed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from bench.cli import cli
from bench.datasets import get_task
from bench.errors import BenchError, DataError, FileError, SubmissionError, UsageError
from bench.files import json_stream, limits
from bench.files.hdf5 import opened, read_values
from bench.files.json_stream import entries, index, read_at
from bench.files.opening import holds
from bench.files.strict_json import memory_needed, parse_json


def varint(number: int) -> bytes:
    """Write a whole number as the pages of a Parquet file have it."""
    number, out = number << 1, b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def lying_parquet(rows: int) -> bytes:
    """Return a table of which a page claims to be 134 MB; its footer says nothing of that."""
    columns = {"recording": pa.array(["m1"] * rows), "frame": np.arange(rows), "a": np.zeros(rows)}
    file = io.BytesIO()
    pq.write_table(
        pa.table(columns),
        file,
        compression="gzip",
        use_dictionary=False,
        write_statistics=False,
        data_page_size=2**30,
        max_rows_per_page=rows,
    )
    data = bytearray(file.getvalue())
    place = pq.ParquetFile(io.BytesIO(bytes(data))).metadata.row_group(0).column(2).data_page_offset
    true = next(
        claim for extra in range(64) if (claim := varint(8 * rows + extra)) in data[place : place + 20]
    )
    start = data.index(true, place)
    data[start : start + len(true)] = varint(2**27 - 1)
    assert len(true) == len(varint(2**27 - 1))
    return bytes(data)


def test_a_page_that_lies_is_refused_by_the_memory_it_asks_for(tmp_path: Path) -> None:
    """In a process of its own: what another pool of memory holds already is not counted."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("this system cannot say how much memory a process has taken")
    (tmp_path / "a.parquet").write_bytes(lying_parquet(200_000))
    code = (
        "import sys, bench.cli\n"
        "from bench.files import limits\n"
        "from bench.submissions.forms.long_tables import Layout, parquet_table\n"
        "limits.SPARE = 16 * 2**20\n"
        "layout = Layout(('recording',), ('a',), True, 'numbers')\n"
        "try: parquet_table(open(sys.argv[1], 'rb'), layout, 10**9)\n"
        "except Exception as fault: print(type(fault).__name__, fault)\n"
        "import resource; print(resource.getrlimit(resource.RLIMIT_AS))\n"
    )
    run = [sys.executable, "-c", code, str(tmp_path / "a.parquet")]
    printed = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert "FileError" in printed
    assert "malloc" in printed
    assert "(-1, -1)" in printed


def test_memory_is_bounded_for_as_long_as_asked() -> None:
    pytest.importorskip("resource")
    with pytest.raises(MemoryError), limits.limited_memory(2**20):
        np.zeros(2**40, dtype=np.uint8)
    assert np.zeros(2**20).size == 2**20


@pytest.mark.parametrize("name", ["demo-99999999x1", "demo-4x99999999", f"demo-{'9' * 5_000}x1"])
def test_a_size_in_a_name_is_bounded(name: str) -> None:
    with pytest.raises(UsageError):
        get_task(name)


def test_a_card_of_many_sizes_costs_nothing(tmp_path: Path, bench_home: Path) -> None:
    tables = "".join(f'[tasks.demo-{100_000 - k}x1]\nclasses = ["a"]\n' for k in range(700))
    (tmp_path / "entry").mkdir()
    (tmp_path / "entry" / "submission.toml").write_text(
        f'name = "x"\nauthors = ["a"]\nlicence = "MIT"\n{tables}'
    )
    began = time.process_time()
    done = CliRunner().invoke(cli, ["validate", str(tmp_path / "entry")])
    assert isinstance(done.exception, BenchError)
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    "text",
    [
        ".".join(["a"] * 30_000) + " = 1",
        "[" + ".".join(["a"] * 30_000) + "]",
        "a = " + "[" * 30_000,
        "a = " + "{a = " * 12_000,
        "a = " + "9" * 60_000,
        "\n".join(f"key{k} = 1" for k in range(5_000)),
        "\n".join(f"[table{k}]" for k in range(4_500)),
    ],
    ids=["parts", "parts of a table", "lists", "tables in tables", "digits", "keys", "tables"],
)
def test_toml_without_end_is_refused_in_short(text: str, tmp_path: Path, bench_home: Path) -> None:
    (tmp_path / "submission.toml").write_text(text)
    (tmp_path / "own.toml").write_text(text)
    began = time.process_time()
    for command, kind in (
        (["validate", tmp_path], SubmissionError),
        (["add", tmp_path / "own.toml"], UsageError),
    ):
        done = CliRunner().invoke(cli, list(map(str, command)))
        assert isinstance(done.exception, kind)
        assert len(str(done.exception)) < 10_000
    assert time.process_time() - began < 10


def test_json_is_weighed_before_it_is_parsed() -> None:
    text = b"[" + b"[]," * 1_000 + b'{"a": "b"}]'
    needed = memory_needed(text)
    assert needed > 20 * len(text)
    assert parse_json(text, needed)
    with pytest.raises(FileError, match="memory"):
        parse_json(text, needed - 1)


def test_one_value_of_a_large_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = json.dumps([[]] * 500)
    (tmp_path / "a.json").write_text(f'{{"group": {{"m1": [1, 2], "m2": {large}}}}}')
    places = index(tmp_path / "a.json")
    assert [key for _, key, _ in entries(tmp_path / "a.json")] == ["m1", "m2"]
    for name, bound in (("LARGEST", 999), ("MEMORY", 9_999)):
        with monkeypatch.context() as patch:
            patch.setattr(json_stream, name, bound)
            assert read_at(tmp_path / "a.json", places["group", "m1"]) == b"[1, 2]"
            with pytest.raises(FileError):
                read_at(tmp_path / "a.json", places["group", "m2"])
            with pytest.raises(FileError):
                list(entries(tmp_path / "a.json"))


def hdf5_read(path: Path, name: str) -> Any:
    def refuse(of: Path, faults: list[str]) -> DataError:
        return DataError(str(of), faults)

    with opened(path, "HDF5", refuse) as file:
        return read_values(file[name])


def test_numbers_that_were_never_written_are_not_made(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("claims", shape=(2**29,), chunks=(2**16,), dtype="f8", fillvalue=1.0)
        file.create_dataset("empty", shape=(1_000, 3), chunks=(100, 3), dtype="f8", fillvalue=np.nan)
        file.create_dataset("packed", data=np.zeros((2**23,)), compression="gzip")
    with pytest.raises(DataError, match="claims"):
        hdf5_read(tmp_path / "a.h5", "claims")
    assert np.isnan(hdf5_read(tmp_path / "a.h5", "empty")).all()
    assert hdf5_read(tmp_path / "a.h5", "packed").sum() == 0


def test_numbers_in_other_files_are_not_fetched(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = np.arange(12.0)
    (tmp_path / "raw").write_bytes(b"secret!!" * 12)
    layout = h5py.VirtualLayout((12,), "f8")
    layout[:] = h5py.VirtualSource(tmp_path / "secret.h5", "x", (12,))
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file.create_group("of")["x"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "x")
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        file.create_dataset("x", (12,), "f8", external=[(str(tmp_path / "raw"), 0, 96)])
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_virtual_dataset("x", layout)
    for name, place in (("link", "/of/x"), ("raw", "/x"), ("virtual", "/x")):
        with pytest.raises(DataError) as fault:
            hdf5_read(tmp_path / f"{name}.h5", "x")
        assert place in fault.value.problems[0]


@pytest.mark.parametrize("many", ["99999999", "20000001"])
def test_an_annotation_cannot_claim_any_length(many: str, tmp_path: Path, bench_home: Path) -> None:
    (tmp_path / "m1.txt").write_text(
        "Caltech Behavior Annotator - Annotation File\n\nConfiguration file:\nother o\nattack a\n\n"
        f"S1: start end type\n-----------------\n1 {many} other\n"
    )
    (tmp_path / "own.toml").write_text(
        '[dataset]\nname = "claims"\nfps = 30\nlabels = { format = "caltech", files = "*.txt" }\n'
        'classes = ["attack", "other"]\nbackground = "other"\ntest = ["m1"]\n'
    )
    done = CliRunner().invoke(cli, ["add", str(tmp_path / "own.toml")])
    assert isinstance(done.exception, DataError)
    assert any("expected at most 20,000,000" in problem for problem in done.exception.problems), (
        done.exception
    )


def test_whether_a_file_holds_something_is_asked_of_its_size_first(tmp_path: Path) -> None:
    (tmp_path / "same").write_bytes(b"abc")
    (tmp_path / "link").symlink_to(tmp_path / "same")
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**40)
    assert holds(tmp_path / "same", b"abc")
    assert not [name for name in ("link", "pipe", "sparse", "nothing") if holds(tmp_path / name, b"abc")]
    assert not holds(tmp_path / "same", b"abd")
    assert not holds(tmp_path / "same", b"ab")
