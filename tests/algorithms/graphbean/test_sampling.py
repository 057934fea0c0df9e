import numpy as np
import pytest

from algorithms.graphbean.graph import BipartiteGraph, Parts
from algorithms.graphbean.sampling import NeighbourSampler
from tests.algorithms.graphbean.graphs import random_graph


def of_pairs(pairs, u, v):
    nothing = Parts(*(np.zeros((n, 0)) for n in (u, v, len(pairs))))
    return BipartiteGraph(np.array(pairs, np.int64).T.reshape(2, -1), nothing)


def sampled(graph, seeds, fan_out_u, fan_out_v=None, seed=0):
    sampler = NeighbourSampler(graph, fan_out_u, fan_out_u if fan_out_v is None else fan_out_v)
    return sampler.sample(np.array(seeds, np.int64), np.random.default_rng(seed))


def lists(parts):
    return [part.tolist() for part in parts]


@pytest.fixture
def chain():
    """u0-v0, u0-v1, u1-v1, u1-v2, u2-v2 and apart from them u3-v3, in another order; u4 and v4 are isolated."""
    return of_pairs([(1, 2), (0, 1), (3, 3), (0, 0), (2, 2), (1, 1)], 5, 5)


@pytest.fixture
def star():
    """u0 with 20 edges, u1 with 7, u2 with 4."""
    return of_pairs(
        [(0, v) for v in range(20)] + [(1, v) for v in range(20, 27)] + [(2, v) for v in range(27, 31)], 3, 31
    )


def test_one_hop_has_all_edges_of_the_seeds_ends(chain):
    part = sampled(chain, [1], (9,))  # u0-v1: u0 gives u0-v0, v1 gives u1-v1
    assert lists(part.members) == [[0, 1], [0, 1], [3, 1, 5]]
    assert lists(part.edge_index) == [[0, 0, 1], [0, 1, 1]]
    assert lists(part.seeds) == [[0], [1], [1]]


def test_the_next_hop_goes_on_from_the_nodes_just_reached(chain):
    part = sampled(chain, [3], (9, 9))  # u0-v0; u0 gives u0-v1; v1 gives u1-v1
    assert lists(part.members) == [[0, 1], [0, 1], [3, 1, 5]]
    part = sampled(chain, [3], (9, 9, 9))  # u1 gives u1-v2
    assert lists(part.members) == [[0, 1], [0, 1, 2], [3, 1, 5, 0]]
    assert lists(part.edge_index) == [[0, 0, 1, 1], [0, 1, 1, 2]]
    assert lists(part.seeds) == [[0], [0], [0]]


def test_enough_hops_give_all_that_is_connected_and_no_isolated_node(chain):
    part = sampled(chain, [4, 2], (9,) * 5)
    assert lists(part.members) == [[0, 1, 2, 3], [0, 1, 2, 3], [3, 1, 5, 0, 4, 2]]
    assert lists(part.seeds) == [[2, 3], [2, 3], [4, 5]]


def test_each_kind_of_node_has_its_own_fan_out(star):
    assert len(sampled(star, [0], (5,), (1,)).members.e) in (5, 6)  # the seed may be among those drawn
    # v0 has but its one edge.
    assert lists(sampled(star, [0], (1, 1), (9, 9)).members)[0] == [0]
    assert len(sampled(star, [0], (1,), (9,)).members.e) in (1, 2)


@pytest.mark.parametrize(("seed_edge", "degree"), [(0, 20), (20, 7), (27, 4)])
def test_edges_are_drawn_without_replacement_and_all_are_as_likely(star, seed_edge, degree):
    sampler, rng = NeighbourSampler(star, (4,), (4,)), np.random.default_rng(0)
    times = np.zeros(star.edges)
    for _ in range(3000):
        edges = sampler.sample(np.array([seed_edge]), rng).members.e
        assert len(edges) in ((4, 5) if degree > 4 else (4,))
        times[edges] += 1
    others = slice(seed_edge + 1, seed_edge + degree)
    np.testing.assert_allclose(times[others] / 3000, 4 / degree, atol=0.035)
    assert times.sum() == times[seed_edge] + times[others].sum()


@pytest.mark.parametrize("fan_out", [1, 2, 3])
def test_a_neighbourhood_is_a_part_of_the_graph_in_its_own_numbers(fan_out):
    graph = random_graph(40, 15, 200)
    seeds = np.array([150, 3, 77, 4])
    part = sampled(graph, seeds, (fan_out,), seed=fan_out)
    u, v = part.edge_index
    assert (np.stack([part.members.u[u], part.members.v[v]]) == graph.edge_index[:, part.members.e]).all()
    assert (np.diff(u * len(part.members.v) + v) > 0).all()
    assert np.unique(u).tolist() == list(range(len(part.members.u)))
    assert np.unique(v).tolist() == list(range(len(part.members.v)))
    assert part.members.e[part.seeds.e].tolist() == [3, 4, 77, 150]
    assert (part.members.u[part.seeds.u] == np.unique(graph.edge_index[0, seeds])).all()
    assert (part.members.v[part.seeds.v] == np.unique(graph.edge_index[1, seeds])).all()
    assert len(part.members.e) <= len(seeds) + fan_out * (len(part.seeds.u) + len(part.seeds.v))


def test_the_same_seed_gives_the_same_neighbourhood_and_samples_leave_nothing_behind():
    graph = random_graph(40, 15, 200)
    sampler = NeighbourSampler(graph, (2, 2), (3, 1))
    first = sampler.sample(np.arange(5), np.random.default_rng(1))
    other = sampler.sample(np.arange(5), np.random.default_rng(2))
    again = sampler.sample(np.arange(5), np.random.default_rng(1))
    assert lists(first.members) == lists(again.members)
    assert lists(first.members) != lists(other.members)


def test_it_knows_which_pairs_the_whole_graph_connects(chain):
    u, v = np.divmod(np.arange(25), 5)
    connected = NeighbourSampler(chain, (1,), (1,)).connected(u, v)
    assert set(zip(u[connected].tolist(), v[connected].tolist(), strict=True)) == {
        (0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (3, 3)
    }  # fmt: skip
