"""What strangers may send: refused in one message, quickly, and without reading the data."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import time
import tracemalloc
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.errors import SubmissionError
from bench.submissions import read_entry

from .conftest import CLASSES, EXPECTED, as_table, random_scores, read

HEADER = b"{'descr': '<f4', 'fortran_order': False, 'shape': (41, 4), }"


def npy(header: bytes = HEADER, data: bytes = bytes(656), version: bytes = b"\x01\x00") -> bytes:
    width = "<H" if version == b"\x01\x00" else "<I"
    return b"\x93NUMPY" + version + struct.pack(width, len(header)) + header + data


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Pack the arrays of a good run with some replaced."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as file:
        for part, ids in random_scores().items():
            for id_, array in ids.items():
                buffer = io.BytesIO()
                np.save(buffer, array)
                name = f"{part}/{id_}.npy"
                file.writestr(name, members.pop(name, buffer.getvalue()))
        for name, content in members.items():
            file.writestr(name, content)
    return stream.getvalue()


def first(content: bytes) -> bytes:
    return archive({"all/mouse001.npy": content})


def twins() -> bytes:
    stream = io.BytesIO(archive({}))
    with zipfile.ZipFile(stream, "a") as file, pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr("all/mouse001.npy", npy())
    return stream.getvalue()


def shrunk_directory() -> bytes:
    """Return an archive whose directory claims 716 bytes where the packed stream holds 64 MB."""
    content = npy(data=bytes(64 * 2**20))
    whole = first(content)
    return whole.replace(struct.pack("<I", len(content)), struct.pack("<I", 716))


def shape(text: str) -> bytes:
    return npy(f"{{'descr': '<f4', 'fortran_order': False, 'shape': {text}, }}".encode())


ARCHIVES = {
    "pickle": (lambda: b"\x80\x04cos\nsystem\n(S'true'\ntR.", "not an .npz archive"),
    "pickle inside": (
        lambda: first(b"\x80\x04cos\nsystem\n(S'true'\ntR."),
        "all/mouse001: not a numpy array",
    ),
    "zip bomb": (
        lambda: first(npy(data=bytes(64 * 2**20))),
        "all/mouse001: the header says (41, 4), 726 bytes",
    ),
    "zip bomb that lies": (shrunk_directory, "all/mouse001: "),
    "a million million floats": (lambda: first(shape("(1000000000000, 4)")), "all/mouse001: the header says"),
    "overflowing shape": (lambda: first(shape("(4611686018427387904, 4)")), "all/mouse001: the header says"),
    "negative shape": (
        lambda: first(shape("(-41, 4)")),
        "all/mouse001: the header of the array cannot be read",
    ),
    "long header": (
        lambda: first(npy(HEADER + b" " * 60_000)),
        "a header of 60,060 bytes, expected at most 4,096",
    ),
    "header of code": (
        lambda: first(npy(b"__import__('os').abort()")),
        "the header of the array cannot be read",
    ),
    "header cut off": (lambda: first(npy()[:30]), "the header of the array cannot be read"),
    "another version": (lambda: first(npy(version=b"\x09\x00")), "all/mouse001: not a numpy array"),
    "data cut off": (lambda: first(npy(data=bytes(600))), "the header says (41, 4)"),
    "data left over": (lambda: first(npy(data=bytes(660))), "the header says (41, 4)"),
    "two of one name": (twins, "'all/mouse001.npy' stands in the archive 2 times"),
    "path out of the folder": (
        lambda: archive({"../../x.npy": npy()}),
        "part '..' is not of this task",
    ),
    "absolute path": (lambda: archive({"/etc/x.npy": npy()}), "part '' is not of this task"),
    "escape codes": (lambda: archive({"all/\x1b[2J.npy": npy()}), "all/'\\x1b[2J' is not a test recording"),
    "bzip2": (lambda: archive({}, zipfile.ZIP_BZIP2), "all/mouse001: packed in an unusual way"),
    "fifty thousand names": (
        lambda: archive({f"{i}.npy": b"" for i in range(50_000)}, 0),
        "a list of arrays of",
    ),
    "comment": (lambda: archive({})[:-2] + b"\x03\x00abc", "not an .npz archive"),
    "zip64": (lambda: archive({})[:-22] + b"PK\6\7" + bytes(16) + archive({})[-22:], "use Parquet"),
    "end alone": (lambda: b"PK\5\6" + b"\xff" * 16 + bytes(2), "a list of arrays of 4,294,967,295 bytes"),
    "noise": (lambda: np.random.default_rng(0).bytes(5000), "not an .npz archive"),
}


@cache
def hashing() -> float:
    """Return the CPU seconds in which this machine hashes 256 MiB: what times are compared with."""
    start = time.process_time()
    for _ in range(256):
        hashlib.sha256(bytes(2**20))
    return time.process_time() - start


def refused(folder: Path, most: float = 30.0, megabytes: int = 60) -> str:
    """Return the message of a refusal that was quick, in times of `hashing`, and small."""
    limit = most * hashing()
    tracemalloc.start()
    start = time.process_time()
    with pytest.raises(SubmissionError) as caught:
        read(folder)
    took, (_, peak) = time.process_time() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert took < limit
    assert peak < megabytes * 2**20
    message = str(caught.value)
    assert all(character.isprintable() or character == "\n" for character in message)
    return message


@pytest.mark.parametrize(("make", "said"), ARCHIVES.values(), ids=ARCHIVES)
def test_hostile_archives_are_refused(folder, make, said):
    (folder / "demo" / "seed0.npz").write_bytes(make())
    assert said in refused(folder)


def test_the_second_header_version_is_read(folder):
    data = random_scores()["all"]["mouse001"].tobytes()
    (folder / "demo" / "seed0.npz").write_bytes(first(npy(data=data, version=b"\x02\x00")))
    _, predictions = read(folder)
    np.testing.assert_array_equal(predictions["seed0"]["all"]["mouse001"], random_scores()["all"]["mouse001"])


def test_a_file_too_large_is_not_read(folder):
    with (folder / "demo" / "seed0.npz").open("wb") as file:
        file.truncate(2**40)  # a terabyte of nothing
    with (folder / "submission.toml").open("ab") as file:
        file.truncate(2**40)
    message = refused(folder)
    assert "demo/seed0.npz: 1,099,511,627,776 bytes, expected at most" in message
    assert "submission.toml: 1,099,511,627,776 bytes, expected at most 65,536" in message


@pytest.mark.parametrize("name", ["submission.toml", "demo/seed0.npz", "demo"])
@pytest.mark.parametrize("kind", ["link", "dangling link", "loop"])
def test_links_are_not_followed(folder, name, kind):
    path = folder / name
    away = folder.parent / "elsewhere"
    path.rename(away)
    path.symlink_to({"link": away, "dangling link": "nowhere", "loop": path.name}[kind])
    assert f"{name}{'/' if name == 'demo' else ''}: a link, expected" in refused(folder)


def test_a_linked_submission_is_refused(folder):
    link = folder.parent / "linked"
    link.symlink_to(folder)
    with pytest.raises(SubmissionError, match="a link, expected a folder"):
        read(link)


@pytest.mark.parametrize(
    "name", ["submission.toml", "demo/seed0.npz", "demo/seed0.csv", "demo/seed0.parquet"]
)
def test_pipes_and_folders_are_no_files(folder, name):
    path = folder / name
    path.unlink(missing_ok=True)
    (folder / "demo" / "seed0.npz").unlink(missing_ok=True)
    os.mkfifo(path)
    assert f"{name}: a pipe, socket or device" in refused(folder)
    path.unlink()
    path.mkdir()
    assert f"{name}: a folder, expected a file" in refused(folder)


@pytest.mark.parametrize(
    "name",
    ["se\u202ed0.npz", "a\nb.npz", "-rf.npz", "$(id).npz", "CON.npz", "e\u0301.npz", "x" * 240 + ".npz"],
)
def test_odd_file_names_are_refused_and_shown_escaped(folder, name):
    (folder / "demo" / name).write_bytes(b"x")
    assert "expected lower-case letters, digits" in refused(folder)


CARDS = {
    "nested too deep": ("x = " + "[" * 60_000, "not a TOML file"),
    "number of 60,000 digits": ("x = " + "9" * 60_000, "not a TOML file"),
    "dotted key of 30,000 parts": (".".join("a" * 30_000) + " = 1", "a line of more than 200 dots"),
    "key twice": ("name = 'a'\nname = 'b'", "not a TOML file"),
    "NUL": ("name = 'a\x00'", "not a TOML file"),
    "escape code": ('name = "\\u001b[2J"', "name: holds U+001B, a control character"),
    "line break": ('name = "a\\nb"', "name: holds U+000A, a control character"),
    "line separator": ('name = "a\\u2028b"', "name: holds U+2028, a line character"),
    "invisible": ('name = "a\\u200bb"', "name: holds U+200B, a format character"),
    "a letter without a shape": ('name = "a\\u3164"', "name: holds U+3164, an invisible character"),
    "nothing but blanks of braille": ('name = "\\u2800"', "name: holds U+2800, an invisible character"),
    "a choice of shape": ('name = "a\\ufe0f"', "name: holds U+FE0F, an invisible character"),
    "half a syllable": ("authors = ['\uffa0']", "authors[0]: holds U+FFA0, an invisible character"),
    "a tower of marks": (f"name = 'a{chr(0x301) * 4}'", "name: holds combining marks"),
    "a mark without a letter": (f"licence = '{chr(0x20DD)}a'", "licence: holds combining marks"),
    "long": (f"name = '{'a' * 5000}'", "name: 5,000 characters, expected at most 100"),
    "blank": ("name = '  '", "name: empty, expected text"),
    "user in the address": ("code = 'https://github.com@evil.example/'", "code: 'https://github.com@evil"),
    "quote in the address": ("""code = 'https://a.org/"onload="x'""", "code: "),
    "not a number": ("name = nan", "name: nan, expected text"),
    "date": ("name = 2020-01-01", "name: 2020-01-01, expected text"),
    "tasks that are none": ("tasks = 3", "tasks: 3, expected a table of 1 to 100 keys"),
    "no task": (
        "[tasks]",
        "tasks: {}, expected a table of 1 to 100 keys, each a table: write [tasks",
    ),
    "a task that is no table": ("tasks.demo = 1", "tasks.demo: 1, expected a table: write [tasks.<name>]"),
    "huge number": (
        "[tasks.demo]\nparameters = 99999999999999999999",
        "parameters: a whole number of 67 bits, expected a whole number from 0",
    ),
    "negative number": ("[tasks.demo]\nparameters = -1", "parameters: -1, expected a whole number from 0"),
    "truth for a number": (
        "[tasks.demo]\nparameters = true",
        "parameters: true, expected a whole number",
    ),
    "odd task name": ('[tasks."\\u001b"]', "tasks.'\\x1b'"),
    "authors": ("authors = ['a', 3]", "authors[1]: 3, expected text"),
    "nobody": ("authors = []", "authors: [], expected a list of 1 to 100"),
}


@pytest.mark.parametrize(("text", "said"), CARDS.values(), ids=CARDS)
def test_hostile_cards_are_refused(folder, text, said):
    (folder / "submission.toml").write_text(text)
    assert said in refused(folder)
    with pytest.raises(SubmissionError):
        read_entry(folder)


def test_a_card_in_another_encoding_is_refused(folder):
    (folder / "submission.toml").write_bytes("name = 'Möwe'".encode("latin-1"))
    assert "submission.toml: not UTF-8: byte 9 is 0xf6" in refused(folder)


def table_file(folder: Path, form: str) -> Path:
    (folder / "demo" / "seed0.npz").unlink()
    return folder / "demo" / f"seed0.{form}"


def test_a_parquet_of_a_billion_rows_is_refused_from_its_footer(folder):
    path = table_file(folder, "parquet")
    columns = ["part", "recording", "frame", *CLASSES]
    chunk = pa.table({name: pa.nulls(5_000_000) for name in columns})
    with pq.ParquetWriter(path, chunk.schema, compression="zstd") as writer:
        writer.write_table(chunk, row_group_size=5_000_000)
    assert "demo/seed0.parquet: 5,000,000 rows, expected 263: not read" in refused(folder)
    data = path.read_bytes()
    # the same file after its footer was told to say 10^9: zigzag varints of both numbers
    many = data.replace(varint(5_000_000), varint(10**9))
    assert many != data
    length = int.from_bytes(data[-8:-4], "little") + len(many) - len(data)
    path.write_bytes(many[:-8] + struct.pack("<I", length) + b"PAR1")
    assert "demo/seed0.parquet: 1,000,000,000 rows, expected 263: not read" in refused(folder)


def varint(number: int) -> bytes:
    number, digits = number << 1, []
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])


@pytest.mark.slow
def test_a_parquet_of_long_names_is_refused_or_not_unfolded(folder):
    path = table_file(folder, "parquet")
    table = as_table(random_scores())
    # one name for all rows, as Parquet keeps it; a plain column of so many letters takes 0.3 GB to make
    long = pa.DictionaryArray.from_arrays(np.zeros(len(table), dtype=np.int32), ["x" * 10**6])
    pq.write_table(table.set_column(1, "recording", long), path, store_schema=False)
    assert pq.ParquetFile(path).schema_arrow.field("recording").type == pa.string()
    assert "expected" in refused(folder)


@pytest.mark.parametrize(
    "data", [b"", b"PAR1", b"PAR1PAR1", b"PAR1" + b"\xff" * 4 + b"PAR1", b"PAR1" + bytes(4) + b"PAR1"]
)
def test_broken_parquet_files_are_refused(folder, data):
    table_file(folder, "parquet").write_bytes(data)
    assert "demo/seed0.parquet: " in refused(folder)


def test_a_parquet_footer_cannot_be_large(folder):
    path = table_file(folder, "parquet")
    path.write_bytes(b"PAR1" + bytes(5 * 2**20)[: 2**20] + struct.pack("<I", 2**20) + b"PAR1")
    assert "demo/seed0.parquet: " in refused(folder)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b",".join(b"column-%d" % i for i in range(200_000)), " bytes, expected at most"),
        (b",".join(b"c%d" % i for i in range(100_000)), "a first line of more than 65,536 bytes"),
        (b'part,"recording\n' + b"x" * 900_000, "the first line is not a CSV header"),
        (
            b"part,recording,frame,attack,investigation,mount,other\n" + b"\n" * 900_000,
            "900,000 rows, expected 263",
        ),
        (b"part,recording,frame,attack,investigation,mount,other\n", "0 rows, expected 263"),
        (
            b'part,recording,frame,attack,investigation,mount,other\n"' + b"all,x,1,0,0,0,0\n" * 30_000,
            "line 2: a quote that is not closed",
        ),
        (
            b"part,recording,frame,attack,investigation,mount,other\n" + b"a" * 1_000_000,
            "line 2: 1 cells, expected 7",
        ),
        (b"\x00" * 1000, "column "),
        (b"\xff\xfe", "the first line is not a CSV header"),
    ],
    ids=[
        "columns",
        "first line",
        "quote in the header",
        "lines",
        "no lines",
        "unclosed quote",
        "one cell",
        "NUL",
        "UTF-16",
    ],
)
def test_hostile_csv_files_are_refused(folder, data, said):
    table_file(folder, "csv").write_bytes(data)
    message = refused(folder)
    assert "demo/seed0.csv: " in message
    assert said in message


@pytest.mark.parametrize("id_", ["NA", "null", "None", "1e5", "True", "001 "])
def test_ids_that_look_like_other_things_stay_text(folder, id_):
    path = table_file(folder, "csv")
    rows = [f"all,{id_},{i},0,0,0,1" for i in range(3)]
    path.write_text("\n".join(["part,recording,frame," + ",".join(CLASSES), *rows]))
    assert f"all/{id_!r} is not a test recording" in refused(folder)


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_bytes_are_refused_or_change_no_shape(folder, data):
    whole = (folder / "demo" / "seed1.npz").read_bytes()
    flips = data.draw(
        st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(1, 255)), min_size=1, max_size=3)
    )
    flipped = bytearray(whole)
    for place, change in flips:
        flipped[place] ^= change
    (folder / "demo" / "seed0.npz").write_bytes(flipped)
    _refused_or_whole(folder)


@pytest.mark.slow
def test_flipped_bytes_of_a_parquet_are_refused_or_change_no_shape(folder):
    path = table_file(folder, "parquet")
    pq.write_table(as_table(random_scores()), path)
    whole = path.read_bytes()
    footer = int.from_bytes(whole[-8:-4], "little") + 8
    rng = np.random.default_rng(0)  # the same flips every time: the parser is not ours to search for crashes
    for _ in range(300):
        flipped = bytearray(whole)
        for place in (rng.integers(len(whole)), len(whole) - 1 - rng.integers(footer)):
            flipped[place] ^= rng.integers(256)
        path.write_bytes(flipped)
        _refused_or_whole(folder)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    edit=st.tuples(st.floats(0, 1), st.text(st.sampled_from('0123456789.,-+eE"\n nainf_x\x00'), max_size=6))
)
def test_edited_csv_files_are_refused_or_change_no_shape(folder, edit):
    (folder / "demo" / "seed0.npz").unlink(missing_ok=True)
    text = "part,recording,frame," + ",".join(CLASSES) + "\n"
    text += "".join(
        f"{part},{id_},{i},0.25,0.25,0.5,0\n"
        for part, ids in EXPECTED.items()
        for id_, frames in ids.items()
        for i in range(frames)
    )
    at = int(edit[0] * len(text))
    (folder / "demo" / "seed0.csv").write_text(text[:at] + edit[1] + text[at + 2 :])
    _refused_or_whole(folder)


def _refused_or_whole(folder: Path) -> None:
    try:
        _, predictions = read(folder)
    except SubmissionError:
        return
    for part, ids in EXPECTED.items():
        for id_, frames in ids.items():
            scores = predictions["seed0"][part][id_]
            assert scores.shape == (frames, 4)
            assert np.isfinite(scores).all()
