"""The child process of `pickled`: turns one pickled `.npy` into plain arrays and JSON, or refuses it.

    python -I unpickle.py FILE FOLDER

It makes numpy arrays and the containers of Python and nothing else. It imports nothing of this package:
whatever a file makes it do happens in a process that holds nothing. Exit code 3 and one line where a file
is refused.

numpy's own functions for this trust what a pickle says of a dtype, down to the size of an item: a file could
make them read memory that is not its own. So a pickle gets the stand-ins below under numpy's names. They keep
what the file says, check it, and make an array by `np.frombuffer`, which reads the bytes at hand and no more.
"""

from __future__ import annotations

import json
import math
import pickle
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

ARRAY = "$array"
REFUSED = 3
_DEEPEST = 12
_MOST = 5_000_000  # values in one file: far above any official file, far below what fills a memory
_MOST_ARRAYS = 50_000  # each becomes a file
_MOST_AXES = 16
_OBJECTS = "O"
_TYPE = re.compile(r"[biuf][1248]|U\d{1,6}|O8?")
_ORDERS = ("<", ">", "|", "=")
_SLACK = 2**20  # bytes that a file may come to more than twice its size, written out


class StandIn:
    """Something of numpy that a pickle may name, and of which it can set nothing."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("it sets the state of something that has none")


class Function(StandIn):
    """A function under numpy's name: a pickle can call it."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        """Call the function of this file."""
        return self._function(*arguments)


class ArrayType(StandIn):
    """A dtype: numbers, truth values, text, or objects. A pickle sets its byte order and nothing else."""

    __slots__ = ("kind", "order")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.order = "|"

    def __setstate__(self, state: object) -> None:
        """Take the byte order; all else that a file says must be what the kind implies."""
        fields = state if isinstance(state, tuple) else ()
        plain = len(fields) in (8, 9) and fields[1] in _ORDERS and fields[2:5] == (None, None, None)
        if not plain or fields[5] not in (-1, self.dtype.itemsize):
            raise pickle.UnpicklingError(f"a dtype {self.kind!r} of another size or with fields")
        self.order = fields[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Numpy's dtype of that kind and byte order."""
        return np.dtype(self.order + self.kind)


class Array(StandIn):
    """An array; `value` is None until the pickle gave its shape, its dtype and its bytes.

    An array of objects is the list of them.
    """

    __slots__ = ("value",)

    def __init__(self, value: np.ndarray | list[Any] | None = None) -> None:
        self.value = value

    def __setstate__(self, state: object) -> None:
        """Take version, shape, dtype, whether the first axis runs fastest, and bytes or a list of objects."""
        fields = state if isinstance(state, tuple) else ()
        if len(fields) != 5 or not isinstance(fields[2], ArrayType):
            raise pickle.UnpicklingError("an array whose state is not its shape, its dtype and its bytes")
        _, shape, kind, columns, content = fields
        if kind.kind == _OBJECTS:
            self.value = _objects(shape, content)
        else:
            self.value = _array(content, kind, shape, columns=bool(columns))


def _array_type(name: object, *_: object) -> ArrayType:
    """Stand for `numpy.dtype(name, align, copy)`."""
    if not isinstance(name, str) or not _TYPE.fullmatch(name):
        raise pickle.UnpicklingError(
            f"an array of {str(name)[:40]!r}, expected numbers, truth values or text"
        )
    return ArrayType(_OBJECTS if name.startswith(_OBJECTS) else name)


def _reconstruct(*_: object) -> Array:
    """Stand for `_reconstruct(ndarray, (0,), b"b")`: an array whose content comes next."""
    return Array()


def _from_buffer(content: object, kind: object, shape: object, order: object) -> Array:
    """Stand for `_frombuffer(bytes, dtype, shape, order)`: how protocol 5 writes an array."""
    return Array(_array(content, kind, shape, columns=order == "F"))


def _scalar(kind: object, content: object = b"") -> Any:
    """Stand for `scalar(dtype, bytes)`: one number, as Python has it."""
    return _array(content, kind, (), columns=False).item()


def _encode(text: object, encoding: object = "latin1") -> bytes:
    """Stand for `_codecs.encode`: how old protocols write bytes."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"text encoded as {str(encoding)[:40]!r}, expected latin1")
    return text.encode("latin-1")


def _array(content: object, kind: object, shape: object, *, columns: bool) -> np.ndarray:
    """Make an array; refuse it where its bytes are not as many as shape and dtype say."""
    if not isinstance(kind, ArrayType) or kind.kind == _OBJECTS or not isinstance(content, bytes | bytearray):
        raise pickle.UnpicklingError("an array that is not made of a dtype and bytes")
    lengths, dtype = _lengths(shape), kind.dtype
    needed = math.prod(lengths) * dtype.itemsize
    if len(content) != needed:
        raise pickle.UnpicklingError(f"{len(content):,} bytes for {lengths} of {dtype}, expected {needed:,}")
    # a copy: a pickle can extend the bytearray that it gave
    flat = np.frombuffer(bytes(content), dtype) if needed else np.zeros(0, dtype)
    return flat.reshape(lengths, order="F" if columns else "C")


def _objects(shape: object, content: object) -> list[Any]:
    lengths = _lengths(shape)
    if not isinstance(content, list) or len(lengths) > 1 or len(content) != math.prod(lengths):
        raise pickle.UnpicklingError(f"an array of objects of shape {lengths}, expected a list of as many")
    return content


def _lengths(shape: object) -> tuple[int, ...]:
    if not isinstance(shape, tuple) or len(shape) > _MOST_AXES:
        raise pickle.UnpicklingError("an array whose shape is no tuple of lengths")
    if not all(type(length) is int and 0 <= length < 2**40 for length in shape):
        raise pickle.UnpicklingError(f"an array of shape {str(shape)[:80]}")
    return shape


ALLOWED: dict[tuple[str, str], StandIn] = {
    ("numpy", "ndarray"): StandIn(),
    ("numpy", "dtype"): Function(_array_type),
    ("numpy.core.multiarray", "_reconstruct"): Function(_reconstruct),
    ("numpy.core.multiarray", "scalar"): Function(_scalar),
    ("numpy.core.numeric", "_frombuffer"): Function(_from_buffer),
    ("numpy._core.multiarray", "_reconstruct"): Function(_reconstruct),
    ("numpy._core.multiarray", "scalar"): Function(_scalar),
    ("numpy._core.numeric", "_frombuffer"): Function(_from_buffer),
    ("_codecs", "encode"): Function(_encode),
    ("__builtin__", "bytes"): Function(lambda: b""),  # how old protocols write no bytes at all
}


class ArraysOnly(pickle.Unpickler):
    """Makes arrays by the stand-ins; whatever else a pickle asks for is refused by name."""

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the stand-ins."""
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no numpy array")
        return ALLOWED[module, name]


def convert(path: Path, folder: Path) -> None:
    """Write the content of a pickled `.npy` to `folder`; raise whatever a wrong file leads to."""
    with path.open("rb") as file:
        _skip_header(file)
        content = ArraysOnly(file).load()
    if isinstance(content, Array) and isinstance(content.value, list) and len(content.value) == 1:
        content = content.value[0]  # `np.save` of a dict writes an array of one object
    writer = _Writer(folder, 2 * path.stat().st_size + _SLACK)
    (folder / "content.json").write_text(json.dumps(writer.plain(content, 0)), encoding="utf-8")


def _skip_header(file: BinaryIO) -> None:
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"npy format {version}, expected (1, 0) or (2, 0)")
    lib = np.lib.format
    read = lib.read_array_header_1_0 if version == (1, 0) else lib.read_array_header_2_0
    _, _, dtype = read(file)
    if not dtype.hasobject:
        raise ValueError(f"an array of {dtype}, expected a pickled dict")


class _Writer:
    """Turns values into what JSON can say; each array becomes one file, however often it is named."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder = folder
        self.most_bytes = most_bytes
        self.values = 0
        self.bytes = 0
        self.arrays: dict[int, int] = {}
        """Identity of an array -> number of its file; the content of the pickle keeps all of them alive."""

    def plain(self, value: Any, depth: int) -> Any:
        self.values += 1
        if depth > _DEEPEST or self.values > _MOST:
            raise ValueError(f"more than {_MOST:,} values, or more than {_DEEPEST} deep")
        if isinstance(value, Array) and isinstance(value.value, np.ndarray):
            return self.array(value.value)
        if isinstance(value, Array):
            value = value.value
            if value is None:
                raise ValueError("an array without content")
        if isinstance(value, list | tuple):
            return [self.plain(inner, depth + 1) for inner in value]
        if isinstance(value, dict):
            return self.table(value, depth)
        if isinstance(value, str):
            self.take(len(value))
        if value is None or isinstance(value, str | bool | int | float):
            return value
        raise ValueError(f"a value of type {type(value).__name__}")

    def table(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
        keys = [str(key) if isinstance(key, str | int) else ARRAY for key in value]
        if len(set(keys)) < len(keys) or ARRAY in keys:
            raise ValueError(f"a dict whose keys are not plain and different: {keys[:3]}")
        self.take(sum(map(len, keys)))
        inner = (self.plain(inner, depth + 1) for inner in value.values())
        return dict(zip(keys, inner, strict=True))

    def array(self, value: np.ndarray) -> dict[str, int]:
        if id(value) not in self.arrays:
            if len(self.arrays) == _MOST_ARRAYS:
                raise ValueError(f"more than {_MOST_ARRAYS:,} arrays")
            self.take(value.nbytes)
            number = len(self.arrays)
            np.save(self.folder / f"{number:06d}.npy", np.ascontiguousarray(value), allow_pickle=False)
            self.arrays[id(value)] = number
        return {ARRAY: self.arrays[id(value)]}

    def take(self, size: int) -> None:
        """Count what is written: a file that names the same bytes again and again comes to its limit."""
        self.bytes += size
        if self.bytes > self.most_bytes:
            raise ValueError("its arrays and texts are more than the file itself could hold")


def limit(size: int) -> None:
    """Limit this process by the size of its file, so that a small file cannot ask for all there is.

    Memory: six times the file and 4 GiB. A file written: twice the file and some. Time: a minute, and one
    more for each 64 MiB. No core dump, no other process, few open files.
    """
    try:
        import resource
    except ImportError:  # no such limits on Windows
        return
    limits = {
        resource.RLIMIT_AS: 6 * size + 2**32,
        resource.RLIMIT_FSIZE: 4 * size + 2**26,
        resource.RLIMIT_CPU: 60 + 60 * (size // 2**26),
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 64,
    }
    for kind, most in limits.items():
        _, hard = resource.getrlimit(kind)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, allowed))


def main(arguments: list[str]) -> int:
    """Convert FILE into FOLDER; say in one line why a file is refused."""
    path, folder = map(Path, arguments)
    try:
        convert(path, folder)
    except Exception as fault:  # noqa: BLE001  # a wrong file can raise anything
        line = f"{type(fault).__name__}: {fault}"[:300].replace("\n", " ")
        sys.stdout.write(line.encode("ascii", "backslashreplace").decode())
        return REFUSED
    return 0


if __name__ == "__main__":
    limit(Path(sys.argv[1]).stat().st_size)
    sys.exit(main(sys.argv[1:]))
