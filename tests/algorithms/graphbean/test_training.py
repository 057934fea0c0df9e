import numpy as np
import pytest
import torch

from algorithms.errors import DataError
from algorithms.graphbean.graph import BipartiteGraph, Parts
from algorithms.graphbean.params import GraphBEANParams
from algorithms.graphbean.training import new_network, train
from tests.algorithms.graphbean.graphs import random_graph

SMALL = {"hidden_channels": 8, "latent_channels": 4, "edge_pred_latent": 4}


def trained(graph, **params):
    given = GraphBEANParams.model_validate({**SMALL, "iter": 15, **params})
    network = new_network(graph.widths, given)
    return network, train(network, graph, given)


def weights(network):
    return torch.cat([parameter.flatten() for parameter in network.parameters()])


@pytest.fixture(scope="module")
def fitted():
    return trained(random_graph(), iter=60)


def test_the_loss_falls(fitted):
    history = fitted[1]
    assert [epoch.epoch for epoch in history] == list(range(1, 61))
    assert history[-1].loss < 0.7 * history[0].loss


def test_the_total_is_the_weighted_sum_of_its_parts():
    _, history = trained(random_graph(), xe_loss_weight=3.0, structure_loss_weight=0.5)
    last = history[-1]
    assert last.loss == pytest.approx(last.u + last.v + 3 * last.e + last.structure / 2, rel=1e-5)


def test_the_history_is_flat_in_json(fitted):
    entry = fitted[1][-1].to_dict()
    assert set(entry) == {
        "epoch", "loss", "u", "v", "e", "structure", "accuracy", "precision", "recall", "f1", "seconds"
    }  # fmt: skip
    assert entry["precision"] == fitted[1][-1].prediction.precision


def test_it_learns_which_pairs_have_edges():
    # Two camps: every u of a camp is with every v of it. Attributes tell the camp.
    u, v = np.divmod(np.arange(400), 20)
    camp = (u % 2 == v % 2).nonzero()[0]
    side = np.where(np.arange(20) % 2, 1.0, -1.0)[:, None].astype(np.float32)
    edges = np.zeros((len(camp), 1), np.float32)
    _, history = trained(BipartiteGraph(np.stack([u[camp], v[camp]]), Parts(side, side, edges)), iter=80)
    assert history[-1].prediction.f1 > 0.95


def test_the_same_seed_gives_the_same_weights_and_history():
    graph = random_graph()
    (one, history), (other, again) = (trained(graph, dropout_prob=0.2, seed=3) for _ in range(2))
    assert torch.equal(weights(one), weights(other))
    assert [epoch.loss for epoch in history] == [epoch.loss for epoch in again]


def test_another_seed_gives_other_weights():
    graph = random_graph()
    assert not torch.equal(weights(trained(graph, seed=1)[0]), weights(trained(graph, seed=2)[0]))


def test_it_leaves_the_random_numbers_of_the_process_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    trained(random_graph(), dropout_prob=0.2, iter=2)
    assert torch.equal(torch.rand(3), expected)


def test_milestones_lower_the_learning_rate():
    # With the rate as good as zero from the first epoch on, nothing moves any more.
    graph = random_graph()
    stopped, _ = trained(graph, milestones=[1, 2, 3], gamma=1e-30, iter=10)
    once, _ = trained(graph, iter=1, milestones=[])
    torch.testing.assert_close(weights(stopped), weights(once), rtol=0, atol=1e-6)


def test_every_epoch_is_told():
    told = []
    params = GraphBEANParams.model_validate({**SMALL, "iter": 3})
    graph = random_graph()
    history = train(new_network(graph.widths, params), graph, params, told.append)
    assert told == history


def test_a_training_that_diverges_says_what_to_do():
    graph = random_graph()
    huge = BipartiteGraph(graph.edge_index, graph.x.map(lambda x: x * np.float32(1e25)))
    with pytest.raises(DataError, match="give a smaller learning_rate"):
        trained(huge, iter=3)


@pytest.mark.parametrize(("u", "v", "edges"), [(1, 1, 1), (1, 6, 6), (6, 1, 3), (5, 4, 20), (50, 40, 3)])
def test_graphs_of_one_edge_one_node_all_pairs_and_lonely_nodes_can_be_trained_on(u, v, edges):
    _, history = trained(random_graph(u, v, edges), iter=3)
    assert np.isfinite(history[-1].loss)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA here")
def test_it_trains_on_cuda():
    graph = random_graph()
    params = GraphBEANParams.model_validate({**SMALL, "iter": 60})
    history = train(new_network(graph.widths, params).cuda(), graph, params)
    assert history[-1].loss < 0.7 * history[0].loss
