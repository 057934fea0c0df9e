import numpy as np
import pyarrow as pa
import pytest

from algorithms.bulk.gathered import EvenSample, HighestRows
from algorithms.bulk.incoming import Block
from algorithms.bulk.row_scores import BlockScores, Told


def scored(scores, blocks):
    """Yield consecutive blocks of rows, so many in each, whose only column is the number of the row."""
    first = 0
    for rows in blocks:
        table = pa.table({"n": pa.array(np.arange(first, first + rows)).dictionary_encode()})
        none = np.empty((rows, 3))
        yield BlockScores(
            block=Block(rows, first, 1.0, table, lambda cells, _: cells),
            table=table,
            scores=np.asarray(scores[first : first + rows], np.float64),
            percentiles=None,
            drivers=none.astype(np.int32),
            shares=none.astype(np.float32),
            sums=np.zeros(1),
            tally=None,
            told=Told(),
        )
        first += rows


def gathered(gather, scores, blocks):
    for block in scored(scores, blocks):
        gather.update(block)
    return gather.chosen()


@pytest.mark.parametrize("blocks", [[10], [1] * 10, [3, 7], [9, 1]])
def test_the_highest_rows_come_first_and_of_equal_ones_the_earlier(blocks):
    chosen = gathered(HighestRows(4), [1, 5, 2, 5, 0, 9, 5, 5, 1, 1], blocks)
    assert chosen.rows.tolist() == [5, 1, 3, 6]
    assert chosen.table["n"].to_pylist() == [5, 1, 3, 6]


def test_of_fewer_rows_all_are_the_highest():
    assert gathered(HighestRows(4), [1, 3], [2]).rows.tolist() == [1, 0]


@pytest.mark.parametrize("blocks", [[1000], [1] * 1000, [1, 999], [400, 3, 597]])
def test_an_even_sample_does_not_depend_on_the_blocks(blocks):
    chosen = gathered(EvenSample(10), np.zeros(1000), blocks)
    assert chosen.rows.tolist() == [0, 128, 192, 320, 448, 512, 640, 768, 832, 960]
    assert chosen.table["n"].to_pylist() == chosen.rows.tolist()


def test_no_more_than_twice_the_sample_is_held():
    sample = EvenSample(10)
    for block in scored(np.zeros(1000), [50] * 20):
        sample.update(block)
        assert sum(len(held.rows) for held in sample._held) <= 20


def test_a_file_of_fewer_rows_is_the_sample_and_none_may_be_wanted():
    assert gathered(EvenSample(10), np.zeros(7), [4, 3]).rows.tolist() == list(range(7))
    assert gathered(EvenSample(0), np.zeros(7), [7]) is None
