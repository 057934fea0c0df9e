import re

import pytest

from workflows.errors import Invalid
from workflows.services.row_ids import OF_A_SCORING_JOB, drawn_ids, require_ids


def test_drawn_ids_differ_and_are_never_those_of_a_scoring_job() -> None:
    drawn = drawn_ids(10_000)
    assert len(set(drawn)) == 10_000
    assert all(re.fullmatch("[0-9a-f]{16}", row_id) for row_id in drawn)
    assert not any(OF_A_SCORING_JOB.match(row_id) for row_id in drawn)


@pytest.mark.parametrize("row_id", ["a-1", "1", "1-", "-1-2", "1-2-3", "주문 7"])
def test_other_ids_with_digits_and_dashes_are_taken(row_id: str) -> None:
    assert require_ids([row_id], 1) == [row_id]


def test_the_id_that_is_there_twice_is_named() -> None:
    with pytest.raises(Invalid, match="'b' is there twice"):
        require_ids([*"abcdeb"], 6)
