import pytest

from algorithms.autoencoder.job import fit
from algorithms.jobs import FitJob
from tests.algorithms.autoencoder.test_job import write_table
from tests.algorithms.resuming import assert_that_it_goes_on_to_the_same_scores


@pytest.mark.parametrize(
    ("netconf", "memory_bytes"),
    [
        ({"recipe": "contaminated", "dropout": 0.3}, None),
        ({"recipe": "clean"}, 1),
        ({"early_stopping": True, "learning_rate": 0.05}, None),
    ],
    ids=["dropout and trim", "noise and rows in files", "early stopping"],
)
def test_a_training_that_was_cut_off_goes_on_to_the_same_scores(tmp_path, netconf, memory_bytes):
    tables = {"datasrc": (write_table(tmp_path / "a.parquet"),), "evaldata": (write_table(tmp_path / "b.parquet", 50),)}
    parameters = {
        "netconf_node": {"n_hidden": [6, 2], "iter": 12, "batch_size": 32, "seed": 3, **netconf},
        "feed_train": {"exclude_column": ["id"], "label_column": "defect"},
    }
    job = FitJob(workflow_type="autoencoder_csv", tables=tables, parameters=parameters, memory_bytes=memory_bytes)
    assert_that_it_goes_on_to_the_same_scores(fit, job, tmp_path, cut_after=5)
