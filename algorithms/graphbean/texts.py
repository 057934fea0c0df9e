"""Many texts as their bytes: ten million ids in the memory of their letters, read one at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self, overload

import numpy as np
from numpy.typing import NDArray

_CHUNK = 1 << 18
"""Texts picked at a time: the positions of their bytes, eight times as large, are held for these only."""


@dataclass(frozen=True, eq=False)
class Texts(Sequence[str]):
    """A sequence of str.

    Shapes:
        letters: (bytes,) uint8, the UTF-8 of all texts, joined
        offsets: (N + 1,) integers, where each text begins in it, and where the last one ends
    """

    letters: NDArray[np.uint8]
    offsets: NDArray[np.integer[Any]]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """Return the texts of any iterable."""
        # Halves of surrogate pairs, which JSON may bring, pass.
        encoded = [text.encode(errors="surrogatepass") for text in texts]
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        return cls(np.frombuffer(b"".join(encoded), np.uint8), _offsets(lengths))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> str | Self:
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        position = range(len(self))[index]  # negative ones too, or IndexError
        begin, end = self.offsets[position : position + 2]
        return _decoded(self.letters[begin:end].tobytes())

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _CHUNK):
            bounds = self.offsets[start : start + _CHUNK + 1]
            letters = self.letters[bounds[0] : bounds[-1]].tobytes()
            ends = (bounds - bounds[0]).tolist()
            yield from (_decoded(letters[begin:end]) for begin, end in pairwise(ends))

    def take(self, positions: NDArray[np.integer[Any]]) -> Self:
        """Return the texts at these positions (M,), in their order."""
        begins = self.offsets[:-1][positions]
        lengths = self.offsets[1:][positions] - begins
        offsets = _offsets(lengths)
        letters = np.empty(offsets[-1], np.uint8)
        for start in range(0, len(positions), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            shifts = np.repeat(begins[chunk] - offsets[:-1][chunk], lengths[chunk])
            begin, end = offsets[start], offsets[min(start + _CHUNK, len(positions))]
            letters[begin:end] = self.letters[shifts + np.arange(begin, end)]
        return type(self)(letters, offsets)


def _offsets(lengths: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _decoded(letters: bytes) -> str:
    return letters.decode(errors="surrogatepass")
