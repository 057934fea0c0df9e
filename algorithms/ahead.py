"""What comes next is made while the last is used."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

S = TypeVar("S")
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


def mapped_in_order(function: Callable[[S], T], items: Iterable[S], threads: int) -> Generator[T, None, None]:
    """Yield the function of each item, in their order, made by so many threads.

    Beside the items at work only one waits, and as many results. An error is raised in its turn.
    """
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(threads, "mapped") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for left in waiting:
                left.cancel()
