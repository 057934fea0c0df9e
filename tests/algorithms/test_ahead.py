import threading
from itertools import count, islice

import pytest

from algorithms.ahead import ahead, mapped_in_order


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


def test_what_several_threads_make_comes_in_order():
    assert list(mapped_in_order(lambda item: 2 * item, iter(range(100)), 3)) == list(range(0, 200, 2))
    assert list(mapped_in_order(str, [], 3)) == []


def test_no_more_items_are_taken_than_threads_and_one_are_busy_with():
    taken = []

    def items():
        for item in range(50):
            taken.append(item)
            yield item

    for given, item in enumerate(mapped_in_order(lambda item: item, items(), 2)):
        assert item == given
        assert len(taken) <= given + 3


def test_items_are_made_side_by_side():
    met = threading.Barrier(2, timeout=10)
    assert len(list(mapped_in_order(lambda _: met.wait(), range(4), 2))) == 4


def test_after_an_error_no_more_is_made_and_no_thread_is_left():
    threads = threading.active_count()
    following = mapped_in_order(lambda item: 1 // item, [1, 0, 1, 1], 2)
    assert next(following) == 1
    with pytest.raises(ZeroDivisionError):
        next(following)
    assert threading.active_count() == threads
