"""The next item of an iteration is made while the last one is used."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

_END = object()


def ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """Yield the items, each made in another thread while the one before is used.

    It pays where making an item releases Python's lock, as Arrow, numpy and reading files do. An error is raised here,
    in its turn; one item more than was asked for may be made.
    """
    with ThreadPoolExecutor(1, "ahead") as thread:
        waiting = thread.submit(next, items, _END)
        while (item := waiting.result()) is not _END:
            waiting = thread.submit(next, items, _END)
            yield item  # type: ignore[misc]  # not _END
