"""As many calls are made as were asked for."""

from collections import Counter
from typing import Any

from benchmarks.api_calls import MOST_ROUNDS, rounds


def test_rounds_follow_with_other_seeds_until_there_are_enough_calls() -> None:
    answered: Counter[Any] = Counter()
    seeds = []
    for number, examples in rounds(1000, 10, answered, first=7):
        seeds.append(number)
        answered["large"] += 9 * examples
        answered["exhausted"] += min(examples, 32)
    assert answered.total() >= 1000
    assert seeds[:2] == [7, 8]


def test_operations_that_answer_nothing_end_it() -> None:
    assert len(list(rounds(1000, 10, Counter(), first=0))) == MOST_ROUNDS
