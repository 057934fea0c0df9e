import numpy as np
import pytest

from algorithms.autoencoder.first_layer import WIDE_BLOCK, FirstLayer
from algorithms.tabular.features import Layout
from tests.algorithms.autoencoder.layouts import LAYOUTS, features


def test_rows_of_wide_blocks_are_gathered_and_those_of_numbers_and_narrow_blocks_multiplied():
    first = FirstLayer(Layout(2, (3, WIDE_BLOCK, 2)))
    assert first.multiplied.tolist() == [0, 1, 2, 3, 4, 5 + WIDE_BLOCK, 6 + WIDE_BLOCK]
    assert [rows.tolist() for rows in first.gathered] == [list(range(5, 5 + WIDE_BLOCK))]
    assert (first.narrow, first.wide) == ([0, 2], [1])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_parts_of_a_kernel_make_it_whole_again(layout):
    kernel = np.random.default_rng(0).normal(size=(layout.width, 7)).astype(np.float32)
    first = FirstLayer(layout)
    assert np.array_equal(first.join(first.split(kernel)), kernel)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_products_and_gathered_rows_sum_to_the_product_with_the_features_spelled_out(layout):
    first, rows = FirstLayer(layout), features(layout)
    kernel = np.random.default_rng(0).normal(size=(layout.width, 7)).astype(np.float32)
    multiplied, *gathered = first.split(kernel)
    narrow = np.zeros((len(rows), first.spelled_out), np.float32)
    np.put_along_axis(narrow, (rows.slots[:, first.narrow] - first.shifts).astype(np.intp), 1, axis=1)
    total = np.hstack([rows.numbers, narrow]) @ multiplied
    for block, start, part in zip(first.wide, first.first_slots, gathered, strict=True):
        total += part[rows.slots[:, block] - start]
    assert total == pytest.approx(rows.dense(layout) @ kernel, abs=1e-4)
