import threading
from itertools import count, islice

import pytest

from algorithms.ahead import ahead


def test_items_come_in_their_order():
    assert list(ahead(iter(range(100)))) == list(range(100))
    assert list(ahead(iter([]))) == []
    assert list(ahead(iter([None, 0]))) == [None, 0]


def test_the_next_item_is_made_while_the_last_one_is_used():
    made = threading.Event()

    def items():
        yield 1
        made.set()
        yield 2

    for item in ahead(items()):
        assert item == 2 or made.wait(timeout=10)


def test_an_error_comes_in_its_turn():
    def items():
        yield 1
        raise ValueError("no more")

    following = ahead(items())
    assert next(following) == 1
    with pytest.raises(ValueError, match="no more"):
        next(following)


def test_whoever_stops_early_leaves_no_thread_behind():
    threads = threading.active_count()
    following = ahead(count())
    assert list(islice(following, 3)) == [0, 1, 2]
    following.close()
    assert threading.active_count() == threads
