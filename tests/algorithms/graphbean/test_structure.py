import math

import numpy as np
import pytest
import torch

from algorithms.graphbean import structure
from algorithms.graphbean.graph import BipartiteGraph, Parts
from algorithms.graphbean.network import GraphBEAN
from algorithms.graphbean.params import GraphBEANParams
from algorithms.graphbean.structure import structure_metrics
from tests.algorithms.graphbean.graphs import random_graph

PARAMS = GraphBEANParams(hidden_channels=4, latent_channels=3, edge_pred_latent=2, neg_sampler_mult=2)


def constant(logit):
    """Return a network that gives every pair the same logit."""
    network = GraphBEAN(Parts(3, 2, 4), PARAMS)
    with torch.no_grad():
        for decoder, value in ((network.structure_u, logit), (network.structure_v, 1.0)):
            decoder[-1].weight.zero_()
            decoder[-1].bias.copy_(torch.tensor([value, 0.0]))
    return network


def test_a_network_that_takes_every_pair_for_an_edge_is_right_about_edges_only():
    metrics = structure_metrics(constant(2.0), random_graph(u=30, v=20, edges=90), PARAMS)
    non_edges = round(90 / metrics["precision"]) - 90
    assert 120 <= non_edges <= 240
    assert metrics["recall"] == 1
    assert metrics["accuracy"] == pytest.approx(90 / (90 + non_edges))
    assert metrics["f1"] == pytest.approx(2 * 90 / (2 * 90 + non_edges))
    surprise = 90 * math.log1p(math.exp(-2)) + non_edges * math.log1p(math.exp(2))
    assert metrics["cross_entropy"] == pytest.approx(surprise / (90 + non_edges), rel=1e-6)


def test_a_network_that_takes_no_pair_for_an_edge_finds_none():
    metrics = structure_metrics(constant(-1.0), random_graph(), PARAMS)
    assert metrics["recall"] == metrics["f1"] == metrics["precision"] == 0


def test_a_complete_graph_has_edges_only():
    graph = random_graph(u=3, v=4, edges=12)
    metrics = structure_metrics(constant(1.0), graph, PARAMS)
    assert metrics["accuracy"] == metrics["precision"] == 1
    assert metrics["cross_entropy"] == pytest.approx(math.log1p(math.exp(-1)), rel=1e-6)


def test_it_repeats_itself_also_in_chunks_and_leaves_the_training_mode(monkeypatch):
    network = GraphBEAN(Parts(3, 2, 4), PARAMS).train()
    graph = random_graph()
    first = structure_metrics(network, graph, PARAMS)
    assert network.training
    monkeypatch.setattr(structure, "CHUNK", 7)
    assert structure_metrics(network, graph, PARAMS) == pytest.approx(first, rel=1e-6)


def test_one_edge_is_enough():
    graph = BipartiteGraph(np.zeros((2, 1), np.int64), Parts(*(np.zeros((1, w), np.float32) for w in (3, 2, 4))))
    assert structure_metrics(constant(1.0), graph, PARAMS)["recall"] == 1
