import numpy as np
import pytest
import torch

from algorithms.errors import DataError
from algorithms.graphbean.graph import BipartiteGraph
from algorithms.graphbean.inference import residuals_of
from algorithms.graphbean.params import GraphBEANParams
from algorithms.graphbean.sampled import negatives_of, seed_batches, train_sampled
from algorithms.graphbean.sampling import NeighbourSampler
from algorithms.graphbean.training import new_network, train
from tests.algorithms.graphbean.graphs import random_graph

SMALL = {"hidden_channels": 8, "latent_channels": 4, "edge_pred_latent": 4}


def settings(**params):
    return GraphBEANParams.model_validate({**SMALL, "training": "sampled", "batch_size": 20, "iter": 5, **params})


def trained(graph, **params):
    given = settings(**params)
    network = new_network(graph.widths, given)
    return network, train_sampled(network, graph, given)


def weights(network):
    return torch.cat([parameter.flatten() for parameter in network.parameters()])


def test_every_edge_is_a_seed_once_in_batches_of_about_the_same_size():
    batches = seed_batches(101, 20, np.random.default_rng(0))
    assert sorted(map(len, batches)) == [16, 17, 17, 17, 17, 17]
    order = np.concatenate(batches).tolist()
    assert order != list(range(101))
    assert sorted(order) == list(range(101))


def test_one_batch_of_all_neighbours_is_full_batch_training():
    # No node is isolated here, so that even the negatives are the same.
    graph = random_graph(12, 10, 90)
    given = settings(batch_size=90, num_neighbors_u=(10,), num_neighbors_v=(12,), milestones=[2, 4])
    sampled, full = (new_network(graph.widths, given) for _ in range(2))
    of_sampled, of_full = train_sampled(sampled, graph, given), train(full, graph, given)
    for one, other in zip(of_sampled, of_full, strict=True):
        assert one.to_dict() | {"seconds": 0} == pytest.approx(other.to_dict() | {"seconds": 0}, rel=1e-3)


def test_the_loss_falls():
    _, history = trained(random_graph(), iter=25)
    assert [epoch.epoch for epoch in history] == list(range(1, 26))
    assert history[-1].loss < 0.7 * history[0].loss


def test_the_history_has_the_means_of_the_batches():
    _, history = trained(random_graph(), xe_loss_weight=3.0, structure_loss_weight=0.5)
    last = history[-1]
    assert last.loss == pytest.approx(last.u + last.v + 3 * last.e + last.structure / 2, rel=1e-5)
    assert 0 < last.prediction.accuracy < 1


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    graph = random_graph()
    (one, history), (again, _), (other, _) = (trained(graph, dropout_prob=0.2, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(weights(one), weights(again))
    assert not torch.equal(weights(one), weights(other))
    assert len({epoch.loss for epoch in history}) == 5


def test_milestones_count_epochs():
    graph = random_graph()
    stopped, _ = trained(graph, milestones=[2], gamma=1e-30)
    twice, _ = trained(graph, iter=2, milestones=[])
    torch.testing.assert_close(weights(stopped), weights(twice), rtol=0, atol=1e-6)


def test_it_leaves_the_random_numbers_of_the_process_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    trained(random_graph(), dropout_prob=0.2, iter=2)
    assert torch.equal(torch.rand(3), expected)


def test_every_epoch_is_told():
    told, graph, given = [], random_graph(), settings()
    assert train_sampled(new_network(graph.widths, given), graph, given, told.append) == told


@pytest.mark.parametrize("count", [1, 30, 10_000])
def test_no_negative_has_an_edge_in_the_whole_graph(count):
    # Dense, and with so few neighbours that most of the graph's edges are not in the neighbourhood.
    graph = random_graph(30, 20, 300)
    sampler = NeighbourSampler(graph, (1,), (1,))
    part = sampler.sample(np.arange(0, 300, 7), np.random.default_rng(0))
    negatives = negatives_of(part, sampler, count, torch.Generator().manual_seed(0))
    edges = set(zip(*graph.edge_index.tolist(), strict=True))
    real = set(map(tuple, negatives.real.tolist()))
    groups, in_u, in_v = len(negatives.u), negatives.u.shape[1], negatives.v.shape[1]
    for group, i, j in np.ndindex(groups, in_u, in_v):
        u, v = part.members.u[negatives.u[group, i]], part.members.v[negatives.v[group, j]]
        assert ((group, i, j) in real) == ((u, v) in edges)
    assert set(negatives.u.flatten().tolist()) <= set(part.seeds.u.tolist())
    assert set(negatives.v.flatten().tolist()) <= set(part.seeds.v.tolist())
    assert groups * in_u * in_v == pytest.approx(min(count, len(part.seeds.u) * len(part.seeds.v)), rel=0.5, abs=20)


@pytest.mark.parametrize("batch_size", [1, 2, 1000])
@pytest.mark.parametrize(("u", "v", "edges"), [(1, 1, 1), (1, 6, 6), (5, 4, 20), (50, 40, 3)])
def test_batches_of_one_edge_and_graphs_of_one_node_or_all_pairs_can_be_trained_on(u, v, edges, batch_size):
    _, history = trained(random_graph(u, v, edges), iter=2, batch_size=batch_size)
    assert np.isfinite(history[-1].loss)


def test_isolated_nodes_that_no_batch_visits_are_reconstructed_too():
    graph = random_graph(50, 40, 30)
    network, _ = trained(graph)
    residuals = residuals_of(network, graph)
    assert residuals.x.map(len) == (50, 40, 30)
    isolated = np.flatnonzero(graph.degrees()[0] == 0)
    assert len(isolated)
    assert np.isfinite(residuals.x.u[isolated]).all()
    assert (residuals.x.u[isolated] != 0).any(axis=1).all()


def test_a_training_that_diverges_says_what_to_do():
    graph = random_graph()
    huge = BipartiteGraph(graph.edge_index, graph.x.map(lambda x: x * np.float32(1e25)))
    with pytest.raises(DataError, match="give a smaller learning_rate"):
        trained(huge, iter=3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA here")
def test_it_trains_on_cuda():
    graph, given = random_graph(), settings(iter=25)
    history = train_sampled(new_network(graph.widths, given).cuda(), graph, given)
    assert history[-1].loss < 0.7 * history[0].loss
