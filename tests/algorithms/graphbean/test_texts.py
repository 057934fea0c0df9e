import numpy as np
import pytest

from algorithms.graphbean.texts import Texts

WORDS = ["a", "", "가나", "007", "\ud800"]


def test_texts_come_back_as_they_were():
    texts = Texts.of(WORDS)
    assert len(texts) == 5
    assert list(texts) == WORDS
    assert [texts[i] for i in range(-5, 5)] == WORDS * 2
    assert "가나" in texts


def test_their_bytes_are_those_of_utf8_joined():
    texts = Texts.of(["ab", "", "가"])
    assert texts.letters.tobytes() == "ab가".encode()
    assert texts.offsets.tolist() == [0, 2, 2, 5]


def test_a_text_that_is_not_there_is_an_index_error():
    with pytest.raises(IndexError):
        Texts.of(WORDS)[5]


def test_some_are_taken_in_the_order_asked_for():
    texts = Texts.of(WORDS)
    assert list(texts.take(np.array([3, 1, 3, 0]))) == ["007", "", "007", "a"]
    assert list(texts[1:3]) == ["", "가나"]
    assert list(texts.take(np.array([], np.int64))) == []


def test_more_texts_than_are_picked_at_a_time_are_taken():
    texts = Texts.of(map(str, range(300_000)))
    assert list(texts) == [str(number) for number in range(300_000)]
    backwards = texts.take(np.arange(300_000)[::-1])
    assert list(backwards) == [str(number) for number in range(299_999, -1, -1)]


def test_no_texts_are_none():
    assert list(Texts.of([])) == []
