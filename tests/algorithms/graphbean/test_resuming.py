import pytest

from algorithms.graphbean.job import fit
from algorithms.jobs import FitJob
from tests.algorithms.graphbean.test_job import FEEDER, QUICK, claims, table
from tests.algorithms.resuming import assert_that_it_goes_on_to_the_same_scores


@pytest.mark.parametrize(
    "netconf",
    [
        {"dropout_prob": 0.2, "milestones": [3, 7], "gamma": 0.5},
        {"training": "sampled", "batch_size": 64, "num_neighbors_u": 3, "num_neighbors_v": 3, "dropout_prob": 0.1},
    ],
    ids=["full", "sampled"],
)
def test_a_training_that_was_cut_off_goes_on_to_the_same_scores(tmp_path, netconf):
    tables = {"datasrc": (table(tmp_path, "a", claims()),), "evaldata": (table(tmp_path, "b", claims(100, seed=1)),)}
    parameters = {"netconf_node": {**QUICK, "iter": 10, "seed": 3, **netconf}, "feed_train": FEEDER}
    job = FitJob(workflow_type="graphbean_csv", tables=tables, parameters=parameters)
    assert_that_it_goes_on_to_the_same_scores(fit, job, tmp_path, cut_after=5)
