"""An array that is too large for memory: rows appended to a `.npy` file, and read back where they are looked at."""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray


class StoredRows:
    """The rows of a `.npy` file. What is looked at is copied; nothing stays mapped, so it counts as no one's memory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        return np.array(np.load(self.path, mmap_mode="r", allow_pickle=False)[rows])

    @classmethod
    def write(cls, path: Path, parts: Iterable[NDArray[Any]], shape: tuple[int, ...], dtype: DTypeLike) -> "StoredRows":
        """Write an array of this shape, given as consecutive parts of its rows.

        Raises:
            ValueError: the parts do not have that many rows.
        """
        header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
        written = 0
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for part in parts:
                file.write(np.ascontiguousarray(part, dtype).data)
                written += len(part)
        if written != shape[0]:
            raise ValueError(f"{path.name} was to have {shape[0]} rows, {written} came")
        return cls(path)


class RowsWriter:
    """Appends rows to a `.npy` file, however many will come; whole when its context ends."""

    def __init__(self, path: Path, dtype: DTypeLike, *columns: int) -> None:
        self._dtype, self._columns = np.dtype(dtype), columns
        self._rows = 0
        self._file = path.open("wb")
        self._header()

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows (N, *columns)."""
        if rows.shape[1:] != self._columns:
            raise ValueError(f"rows of shape {rows.shape[1:]} came; expected {self._columns}")
        self._file.write(np.ascontiguousarray(rows, self._dtype).data)
        self._rows += len(rows)

    def _header(self) -> None:
        # numpy leaves room in it for any number of rows.
        header = {"descr": self._dtype.str, "fortran_order": False, "shape": (self._rows, *self._columns)}
        np.lib.format.write_array_header_1_0(self._file, header)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            self._file.seek(0)
            self._header()
