import pytest
import torch

from algorithms.graphbean.incidence import Incidence, ScatterIncidence, pool

# u 0 has the edges 0 and 1, u 1 none, u 2 has edge 2; v 0 has edge 0, v 1 the edges 1 and 2, v 2 none.
PAIRS = torch.tensor([[0, 0, 2], [0, 1, 1]])
X_V = torch.tensor([[1.0, -1.0], [5.0, -3.0], [9.0, 9.0]])
X_E = torch.tensor([[10.0], [20.0], [-30.0]])

KINDS = [Incidence, ScatterIncidence]
OPERATIONS = ["mean_of_nodes", "max_of_nodes", "mean_of_edges", "max_of_edges", "at_edges"]


def random_graph(seed=0, nodes=(7, 5), edges=18):
    rng = torch.Generator().manual_seed(seed)
    keys = torch.randperm(nodes[0] * nodes[1], generator=rng)[:edges]
    return torch.stack([keys // nodes[1], keys % nodes[1]]), *nodes


def argument_of(operation, nodes, other_nodes, edges, width=3):
    rows = {"at_edges": nodes, "mean_of_nodes": other_nodes, "max_of_nodes": other_nodes}.get(operation, edges)
    return torch.randn(rows, width, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", KINDS)
def test_nodes_collect_means_and_maxima_counted_by_hand(kind):
    mean_v, max_v, mean_e, max_e = pool(kind(PAIRS, 3, 3).u, X_V, X_E)
    assert mean_v.tolist() == [[3.0, -2.0], [0.0, 0.0], [5.0, -3.0]]
    assert max_v.tolist() == [[5.0, -1.0], [0.0, 0.0], [5.0, -3.0]]
    assert mean_e.tolist() == [[15.0], [0.0], [-30.0]]
    assert max_e.tolist() == [[20.0], [0.0], [-30.0]]


@pytest.mark.parametrize("kind", KINDS)
def test_the_other_side_collects_what_is_on_its_side(kind):
    mean_e, max_e = pool(kind(PAIRS, 3, 3).v, torch.zeros(3, 1), X_E)[2:]
    assert mean_e.tolist() == [[10.0], [-5.0], [0.0]]
    assert max_e.tolist() == [[10.0], [20.0], [0.0]]


@pytest.mark.parametrize("kind", KINDS)
def test_edges_find_the_values_of_their_ends(kind):
    incidence = kind(PAIRS, 3, 3)
    assert incidence.v.at_edges(X_V).tolist() == [[1.0, -1.0], [5.0, -3.0], [5.0, -3.0]]
    assert incidence.u.at_edges(X_V).tolist() == [[1.0, -1.0], [1.0, -1.0], [9.0, 9.0]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_graph_without_edges_gives_zeros(kind):
    incidence = kind(torch.zeros(2, 0, dtype=torch.int64), 2, 3)
    for pooled in pool(incidence.u, X_V, X_E[:0]):
        assert not pooled.any()


@pytest.mark.parametrize("side", ["u", "v"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_hand_written_gradients_are_those_of_finite_differences(operation, side):
    pairs, nodes_u, nodes_v = random_graph()
    incidence = Incidence(pairs, nodes_u, nodes_v)
    collector = getattr(incidence, side)
    for matrix in ("collect", "neighbours", "inverse_degree"):
        setattr(collector, matrix, getattr(collector, matrix).double())
    other = incidence.v if side == "u" else incidence.u
    other.collect, other.neighbours = other.collect.double(), other.neighbours.double()
    collector.connect(other)
    nodes, other_nodes = (nodes_u, nodes_v) if side == "u" else (nodes_v, nodes_u)
    x = argument_of(operation, nodes, other_nodes, pairs.shape[1]).requires_grad_()
    assert torch.autograd.gradcheck(getattr(collector, operation), (x,))


@pytest.mark.parametrize("side", ["u", "v"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_sparse_products_and_scatters_agree_in_values_and_gradients(operation, side):
    pairs, nodes_u, nodes_v = random_graph(seed=3)
    nodes, other_nodes = (nodes_u, nodes_v) if side == "u" else (nodes_v, nodes_u)
    outputs, gradients = [], []
    for kind in KINDS:
        x = argument_of(operation, nodes, other_nodes, pairs.shape[1]).float().requires_grad_()
        made = getattr(getattr(kind(pairs, nodes_u, nodes_v), side), operation)(x)
        made.square().sum().backward()
        outputs.append(made.detach())
        gradients.append(x.grad)
    torch.testing.assert_close(*outputs)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("side", ["u", "v"])
@pytest.mark.parametrize("operation", ["max_of_nodes", "max_of_edges"])
def test_a_largest_value_of_exactly_zero_has_the_same_gradient_either_way(operation, side):
    pairs, nodes_u, nodes_v = random_graph(seed=4)
    nodes, other_nodes = (nodes_u, nodes_v) if side == "u" else (nodes_v, nodes_u)
    gradients = []
    for kind in KINDS:
        x = argument_of(operation, nodes, other_nodes, pairs.shape[1]).float().clamp(max=0).requires_grad_()
        made = getattr(getattr(kind(pairs, nodes_u, nodes_v), side), operation)(x)
        (made * torch.arange(1.0, 4.0)).sum().backward()
        gradients.append(x.grad)
    torch.testing.assert_close(*gradients)


def test_equal_largest_values_share_the_gradient():
    x = torch.tensor([[2.0], [2.0], [7.0]], requires_grad=True)
    Incidence(PAIRS, 3, 3).u.max_of_edges(x).sum().backward()
    assert x.grad.tolist() == [[0.5], [0.5], [1.0]]


@pytest.mark.parametrize("kind", KINDS)
def test_edges_in_another_order_give_nodes_the_same(kind):
    pairs, nodes_u, nodes_v = random_graph(seed=5)
    x_v, x_e = torch.randn(nodes_v, 2), torch.randn(pairs.shape[1], 2)
    order = torch.randperm(pairs.shape[1], generator=torch.Generator().manual_seed(2))
    one = pool(kind(pairs, nodes_u, nodes_v).u, x_v, x_e)
    other = pool(kind(pairs[:, order], nodes_u, nodes_v).u, x_v, x_e[order])
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b)
