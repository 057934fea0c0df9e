import numpy as np
import pytest

from algorithms.tabular.features import ALIGNMENT, Features, Layout

LAYOUT = Layout(numbers=2, blocks=(3, 2))
FEATURES = Features(
    np.array([[0.5, -1.0], [2.0, 3.0]], np.float32),
    np.array([[0, 4], [2, 3]], np.int32),
)


def test_numbers_come_first_then_the_blocks():
    assert LAYOUT.slots == 5
    assert LAYOUT.width == 7
    assert LAYOUT.first_slots == (0, 3)


def test_spelled_out_every_block_has_one_1():
    assert FEATURES.dense(LAYOUT).tolist() == [[0.5, -1, 1, 0, 0, 0, 1], [2, 3, 0, 0, 1, 1, 0]]


def test_features_of_one_kind_only_can_be_spelled_out():
    assert Features(FEATURES.numbers, np.empty((2, 0), np.int32)).dense(Layout(2, ())).shape == (2, 2)
    assert Features(np.empty((2, 0), np.float32), FEATURES.slots).dense(Layout(0, (3, 2))).sum() == 4


def test_rows_can_be_cut_and_chosen_and_written_into_others():
    assert FEATURES[1:].dense(LAYOUT).tolist() == [[2, 3, 0, 0, 1, 1, 0]]
    swapped, target = FEATURES.take(np.array([1, 0])), Features.empty(3, LAYOUT)
    assert swapped.dense(LAYOUT).tolist() == [[2, 3, 0, 0, 1, 1, 0], [0.5, -1, 1, 0, 0, 0, 1]]
    swapped.take_into(np.array([1]), target[:1])
    swapped.take_into(np.array([1, 0]), target[1:])
    assert np.array_equal(target.dense(LAYOUT), FEATURES.take(np.array([0, 0, 1])).dense(LAYOUT))


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_empty_features_are_aligned_in_memory(rows):
    features = Features.empty(rows, LAYOUT)
    assert (features.numbers.shape, features.slots.shape) == ((rows, 2), (rows, 2))
    assert features.numbers.ctypes.data % ALIGNMENT == features.slots.ctypes.data % ALIGNMENT == 0


def test_a_row_takes_four_bytes_a_number_and_four_a_block():
    layout = Layout(28, (1001,))
    features = Features.empty(1000, layout)
    assert features.numbers.nbytes + features.slots.nbytes == 1000 * layout.row_bytes == 1000 * (28 + 1) * 4
