import pytest
import torch

from algorithms.graphbean.conv import BEANConv
from algorithms.graphbean.graph import Parts
from algorithms.graphbean.incidence import Incidence, ScatterIncidence

PAIRS = torch.tensor([[0, 0, 1], [0, 1, 1]])
X = Parts(torch.tensor([[1.0], [2.0]]), torch.tensor([[10.0], [30.0]]), torch.tensor([[5.0], [7.0], [9.0]]))


def weighted(conv, u=None, v=None, e=None):
    """Return the layer with these weights, no biases, and a normalisation that changes nothing."""
    with torch.no_grad():
        for linear, weights in ((conv.linear_u, u), (conv.linear_v, v), (conv.linear_e and conv.linear_e.linear, e)):
            if weights is not None:
                linear.weight.copy_(torch.tensor([weights]))
                linear.bias.zero_()
    for norm in (conv.norm_u, conv.norm_v, *([conv.norm_e] if conv.linear_e else [])):
        norm.eps = 0.0
    return conv.eval()


@pytest.mark.parametrize("kind", [Incidence, ScatterIncidence])
def test_it_gives_the_numbers_worked_out_by_hand(kind):
    weights = [1.0, 10.0, 100.0, 1000.0, 10000.0]  # self, mean and max of nodes, mean and max of edges
    conv = weighted(BEANConv(Parts(1, 1, 1), Parts(1, 1, 1)), weights, weights, [1.0, 100.0, 10000.0])
    out = conv(X, kind(PAIRS, 2, 2))
    # u 0: itself 1; v 10 and 30: mean 20, max 30; edges 5 and 7: mean 6, max 7.
    # u 1: itself 2; v 30; edge 9.
    assert out.u.tolist() == [[1 + 200 + 3000 + 6000 + 70000], [2 + 300 + 3000 + 9000 + 90000]]
    # v 0: itself 10; u 1; edge 5. v 1: itself 30; u 1 and 2: mean 1.5, max 2; edges 7 and 9: mean 8, max 9.
    assert out.v.tolist() == [[10 + 10 + 100 + 5000 + 50000], [30 + 15 + 200 + 8000 + 90000]]
    # Edges: u, v, own.
    assert out.e.tolist() == [[1 + 1000 + 50000], [1 + 3000 + 70000], [2 + 3000 + 90000]]


def test_the_last_encoder_layer_leaves_out_the_nodes_own_values_and_the_edges():
    weights = [10.0, 100.0, 1000.0, 10000.0]
    conv = weighted(BEANConv(Parts(1, 1, 1), Parts(1, 1, 0), keep_self=False), weights, weights)
    out = conv(X, Incidence(PAIRS, 2, 2))
    assert out.u.tolist() == [[200 + 3000 + 6000 + 70000], [300 + 3000 + 9000 + 90000]]
    assert out.e is None


def test_edges_without_own_values_take_their_ends():
    conv = weighted(BEANConv(Parts(1, 1, 0), Parts(1, 1, 1)), [1.0, 0, 0], [1.0, 0, 0], [1.0, 100.0])
    out = conv(Parts(X.u, X.v, None), Incidence(PAIRS, 2, 2))
    assert out.e.tolist() == [[1 + 1000], [1 + 3000], [2 + 3000]]


@pytest.mark.parametrize("width_e", [0, 1])
@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_edges_computed_in_chunks_are_those_computed_at_once(chunk, width_e):
    torch.manual_seed(0)
    conv = BEANConv(Parts(1, 1, width_e), Parts(4, 4, 4)).eval()
    x = Parts(X.u, X.v, X.e if width_e else None)
    torch.testing.assert_close(conv.edges(x, PAIRS, chunk), conv(x, Incidence(PAIRS, 2, 2)).e)


def test_what_nodes_collect_may_be_given():
    torch.manual_seed(0)
    conv, incidence = BEANConv(Parts(1, 1, 1), Parts(3, 3, 3)).eval(), Incidence(PAIRS, 2, 2)
    collected = conv.collect(X, incidence)
    for given, computed in zip(conv(X, incidence, collected), conv(X, incidence), strict=True):
        assert torch.equal(given, computed)
