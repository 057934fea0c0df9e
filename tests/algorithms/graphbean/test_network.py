import pytest
import torch

from algorithms.graphbean.graph import Parts
from algorithms.graphbean.incidence import Incidence
from algorithms.graphbean.network import GraphBEAN, edge_logits
from algorithms.graphbean.params import GraphBEANParams
from tests.algorithms.graphbean.graphs import random_graph

WIDTHS = Parts(3, 2, 4)


def inputs(graph):
    x = graph.x.map(torch.from_numpy)
    return x, Incidence(torch.from_numpy(graph.edge_index), graph.sizes.u, graph.sizes.v)


@pytest.mark.parametrize("layers", [(1, 1, 1), (1, 2, 1), (2, 1, 3), (3, 4, 2)])
def test_any_number_of_layers_and_widths_gives_back_the_shapes_of_the_graph(layers):
    encoder, decoder, mlp = layers
    params = GraphBEANParams(
        hidden_channels=6,
        latent_channels=(5, 7),
        edge_pred_latent=3,
        n_layers_encoder=encoder,
        n_layers_decoder=decoder,
        n_layers_mlp=mlp,
    )
    x, incidence = inputs(random_graph())
    made = GraphBEAN(WIDTHS, params)(x, incidence)
    assert [part.shape for part in made.x] == [part.shape for part in x]
    assert (made.h_u.shape, made.h_v.shape) == ((30, 3), (20, 3))
    assert edge_logits(made.h_u, made.h_v, incidence).shape == (90,)


def test_even_one_encoder_layer_reaches_the_latent_widths():
    network = GraphBEAN(WIDTHS, GraphBEANParams(latent_channels=(5, 7), n_layers_encoder=1))
    (layer,) = network.encoder
    assert (layer.linear_u.out_features, layer.linear_v.out_features) == (5, 7)
    assert not layer.keep_self


def test_only_the_last_encoder_layer_leaves_out_the_nodes_own_values():
    network = GraphBEAN(WIDTHS, GraphBEANParams(n_layers_encoder=3, n_layers_decoder=2))
    assert [layer.keep_self for layer in network.encoder] == [True, True, False]
    assert [layer.keep_self for layer in network.decoder] == [True, True]


def test_the_logit_of_an_edge_is_the_product_of_its_ends():
    incidence = Incidence(torch.tensor([[0, 1], [1, 0]]), 2, 2)
    h_u, h_v = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[5.0, 6.0], [7.0, 8.0]])
    assert edge_logits(h_u, h_v, incidence).tolist() == [7.0 + 16.0, 15.0 + 24.0]


def test_aggregates_computed_beforehand_change_nothing():
    x, incidence = inputs(random_graph())
    network = GraphBEAN(WIDTHS, GraphBEANParams()).eval()
    collected = network.first.collect(x, incidence)
    for given, computed in zip(network(x, incidence, collected).x, network(x, incidence).x, strict=True):
        assert torch.equal(given, computed)


def test_dropout_is_off_in_evaluation_mode():
    x, incidence = inputs(random_graph())
    network = GraphBEAN(WIDTHS, GraphBEANParams(dropout_prob=0.5))
    assert not torch.equal(network(x, incidence).h_u, network(x, incidence).h_u)
    network.eval()
    assert torch.equal(network(x, incidence).h_u, network(x, incidence).h_u)


def test_a_part_without_attributes_is_refused():
    with pytest.raises(ValueError, match="u, v and e each need an attribute; they have 3, 2 and 0"):
        GraphBEAN(Parts(3, 2, 0), GraphBEANParams())
