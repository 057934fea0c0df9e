import math

import pytest
import torch

from algorithms.graphbean.graph import Parts
from algorithms.graphbean.objective import EdgePrediction, losses
from algorithms.graphbean.params import GraphBEANParams

X = Parts(torch.zeros(2, 2), torch.zeros(1, 1), torch.zeros(3, 1))
AGAIN = Parts(torch.tensor([[1.0, 0.0], [1.0, 2.0]]), torch.tensor([[3.0]]), torch.tensor([[1.0], [1.0], [2.0]]))


def logit(p):
    return math.log(p / (1 - p))


def test_the_loss_is_the_sum_worked_out_by_hand():
    params = GraphBEANParams(xe_loss_weight=10.0, structure_loss_weight=0.5)
    loss = losses(X, AGAIN, torch.tensor([logit(0.8), logit(0.5)]), torch.tensor([logit(0.25)]), params)
    structure = -(math.log(0.8) + math.log(0.5) + math.log(0.75)) / 3
    assert loss.u.item() == pytest.approx(6 / 4)
    assert loss.v.item() == pytest.approx(9.0)
    assert loss.e.item() == pytest.approx(2.0)
    assert loss.structure.item() == pytest.approx(structure)
    assert loss.total.item() == pytest.approx(1.5 + 9 + 20 + structure / 2)


def test_nodes_can_have_weights():
    weights = torch.tensor([1.0, 3.0]), torch.tensor([5.0])
    loss = losses(X, AGAIN, torch.tensor([0.0]), torch.tensor([0.0]), GraphBEANParams(), weights=weights)
    assert loss.u.item() == pytest.approx((1 * 1 / 2 + 3 * 5 / 2) / 4)
    assert loss.v.item() == pytest.approx(9.0)


def test_extreme_logits_keep_the_loss_finite():
    loss = losses(X, X, torch.tensor([-500.0, 500.0]), torch.tensor([500.0]), GraphBEANParams())
    assert loss.structure.item() == pytest.approx(1000 / 3)


def test_a_graph_without_non_edges_has_a_loss():
    assert losses(X, X, torch.tensor([0.0]), torch.zeros(0), GraphBEANParams()).structure.item() == pytest.approx(
        math.log(2)
    )


def test_edge_prediction_counts_what_is_above_one_half():
    prediction = EdgePrediction.of(torch.tensor([1.0, 2.0, -1.0]), torch.tensor([3.0, -1.0, -2.0, -3.0]))
    assert prediction == EdgePrediction(accuracy=5 / 7, precision=2 / 3, recall=2 / 3, f1=2 / 3)


def test_edge_prediction_is_defined_when_nothing_is_taken_for_an_edge():
    prediction = EdgePrediction.of(torch.tensor([-1.0]), torch.zeros(0))
    assert prediction == EdgePrediction(accuracy=0.0, precision=0.0, recall=0.0, f1=0.0)
