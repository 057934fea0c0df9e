import pytest
from pydantic import ValidationError

from algorithms.graphbean.params import GraphBEANParams, GraphFeederParams, InjectionParams


def test_the_defaults_are_those_of_the_contract():
    params = GraphBEANParams()
    assert params.latent_channels == (32, 32)
    assert (params.epochs, params.learning_rate, params.neg_sampler_mult) == (200, 0.01, 5)
    assert (params.structure_loss_weight, params.score_agg, params.scoring) == (0.2, "max", "reconstruction")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"threshold": 2.0},
        {"training": "sampled", "batch_size": 10, "num_neighbors_u": [5, 3], "num_neighbors_v": [4, 2]},
        {"scoring": "collective", "latent_channels": [8, 4], "milestones": [10, 20]},
        {"inject_anomalies": {"num_group": 2, "num_nodes_range": [1, 5], "num_nodes_range2": [1, 6]}},
    ],
)
def test_what_is_stored_can_be_read_again(given):
    params = GraphBEANParams.model_validate(given)
    assert GraphBEANParams.model_validate(params.stored()) == params


@pytest.mark.parametrize(
    ("given", "steps"), [({}, (165,)), ({"iter": 40}, (33,)), ({"iter": 1}, (0,)), ({"milestones": []}, ())]
)
def test_the_learning_rate_falls_near_the_end_unless_told_otherwise(given, steps):
    assert GraphBEANParams.model_validate(given).learning_rate_steps() == steps


def test_one_latent_width_is_for_both_kinds_of_nodes():
    assert GraphBEANParams(latent_channels=8).latent_channels == (8, 8)


def test_one_number_of_neighbours_is_one_hop():
    params = GraphBEANParams(training="sampled", num_neighbors_u=7, num_neighbors_v=9)
    assert (params.num_neighbors_u, params.num_neighbors_v) == ((7,), (9,))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"latent_channels": 0}, "give one width or"),
        ({"latent_channels": [8, 0]}, "give one width or"),
        ({"latent_channels": True}, "give one width or"),
        ({"latent_channels": [1, 2, 3]}, "give one width or"),
        ({"n_layers_encoder": 0}, "greater than or equal to 1"),
        ({"threshold": 1.0, "contamination": 0.1}, "contradict each other"),
        ({"milestones": [20, 10]}, "milestones must rise"),
        ({"scoring": "collective", "structure_score_weight": 0.1}, "collective has no surprise"),
        ({"batch_size": 100}, "belong to training 'sampled'"),
        ({"training": "sampled", "num_neighbors_u": [5, 3]}, "as many hops"),
        ({"scoring": "collective", "score_agg": "mean"}, "belongs to scoring 'reconstruction'"),
        ({"scoring": "collective", "log_degree": False}, "always has the log degree"),
        ({"hidden_chanels": 3}, "Extra inputs"),
    ],
)
def test_it_refuses_what_contradicts_itself(given, why):
    with pytest.raises(ValidationError, match=why):
        GraphBEANParams.model_validate(given)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"u_column": "a", "v_column": "a"}, "u_column and v_column are both 'a'"),
        ({"u_column": "a", "v_column": "b", "count_distinct": ["a"]}, "count_distinct names a"),
        ({"u_column": "a", "v_column": "b", "numeric_columns": ["c", "c"]}, "more than once"),
        ({"u_column": "a", "label_column": "a"}, "is also u_column or v_column"),
        ({"label_column": "y", "encode_column": ["y"]}, "cannot also be in encode_column"),
    ],
)
def test_the_feeder_refuses_columns_that_contradict_each_other(given, why):
    with pytest.raises(ValidationError, match=why):
        GraphFeederParams.model_validate(given)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"num_nodes_range": [5, 2]}, "5 is more than 2"),
        ({"num_nodes_range2": [5, 2]}, "num_nodes_range2"),
        ({"feature_weights": [0, 0, 0]}, "at least one weight"),
        ({"num_group": 0}, "greater than or equal to 1"),
        ({"block_weights": [1e308, 1e308]}, "less than or equal to 1000000"),
        ({"feature_weights": [1, 1, 1e7]}, "less than or equal to 1000000"),
        ({"target_weights": [1e7, 0, 0]}, "less than or equal to 1000000"),
    ],
)
def test_the_injection_refuses_ranges_that_fall_and_weights_of_nothing(given, why):
    with pytest.raises(ValidationError, match=why):
        InjectionParams.model_validate(given)
