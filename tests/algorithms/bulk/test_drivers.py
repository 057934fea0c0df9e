import numpy as np

from algorithms.bulk.drivers import top_drivers


def test_the_largest_contributions_come_first_with_their_shares():
    contributions = np.array([[1.0, 0.0, 5.0, 4.0], [3.0, 3.0, 1.0, 3.0]])
    drivers, shares = top_drivers(contributions.sum(axis=1), contributions)
    assert drivers.tolist() == [[2, 3, 0], [0, 1, 3]]
    assert np.allclose(shares, [[0.5, 0.4, 0.1], [0.3, 0.3, 0.3]])
    assert contributions[0].tolist() == [1.0, 0.0, 5.0, 4.0]


def test_a_model_of_fewer_columns_has_fewer_drivers():
    drivers, shares = top_drivers(np.array([3.0]), np.array([[1.0, 2.0]]))
    assert drivers.tolist() == [[1, 0, -1]]
    assert shares[0, 2] == 0.0


def test_nothing_drives_a_score_of_nothing():
    drivers, shares = top_drivers(np.zeros(1), np.zeros((1, 3)))
    assert drivers.tolist() == [[0, 1, 2]]
    assert shares.tolist() == [[0.0, 0.0, 0.0]]
