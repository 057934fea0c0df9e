import pytest
import torch

from algorithms.graphbean.negatives import draw_negatives


def drawn(pairs, nodes_u, nodes_v, count, seed=0):
    """Return the negatives as a list of pairs: logits of one-hot places tell which pair each one is."""
    negatives = draw_negatives(pairs, nodes_u, nodes_v, count, torch.Generator().manual_seed(seed))
    h_u = torch.stack([torch.arange(nodes_u), torch.ones(nodes_u)], dim=1).float() * torch.tensor([[nodes_v, 1]])
    h_v = torch.stack([torch.ones(nodes_v), torch.arange(nodes_v)], dim=1).float()
    keys = negatives.logits(h_u, h_v).long()  # u · V + v
    return [(key // nodes_v, key % nodes_v) for key in keys.tolist()]


def all_but(*missing, nodes_u, nodes_v):
    kept = [(u, v) for u in range(nodes_u) for v in range(nodes_v) if (u, v) not in missing]
    return torch.tensor(kept).T


@pytest.mark.parametrize("seed", range(20))
def test_a_real_edge_is_never_drawn_and_no_pair_twice(seed):
    missing = [(0, 0), (3, 1), (4, 2), (5, 5)]
    found = drawn(all_but(*missing, nodes_u=6, nodes_v=6), 6, 6, count=36, seed=seed)
    assert set(found) == set(missing)
    assert len(found) == len(missing)


def test_about_as_many_are_drawn_as_asked_for():
    pairs = torch.stack([torch.arange(100), torch.arange(100)])
    for count in (100, 500, 3000):
        assert 0.5 * count <= len(drawn(pairs, 100, 100, count)) <= 1.5 * count


def test_every_non_edge_is_drawn_about_equally_often():
    pairs = torch.tensor([[0, 1], [0, 1]])
    seen = torch.zeros(6, 4)
    for seed in range(600):
        for u, v in drawn(pairs, 6, 4, count=6, seed=seed):
            seen[u, v] += 1
    assert seen[0, 0] == seen[1, 1] == 0
    others = seen[seen > 0]
    assert len(others) == 22
    assert others.min() > 0.6 * others.mean()
    assert others.max() < 1.4 * others.mean()


def test_a_complete_graph_has_none():
    assert drawn(all_but(nodes_u=3, nodes_v=2), 3, 2, count=30) == []


def test_a_single_node_on_one_side_works():
    assert set(drawn(torch.tensor([[0, 0], [1, 2]]), 1, 4, count=10)) == {(0, 0), (0, 3)}


def test_the_same_seed_draws_the_same():
    pairs = torch.tensor([[0, 1], [0, 1]])
    assert drawn(pairs, 9, 7, 12, seed=4) == drawn(pairs, 9, 7, 12, seed=4)
    assert drawn(pairs, 9, 7, 12, seed=4) != drawn(pairs, 9, 7, 12, seed=5)
