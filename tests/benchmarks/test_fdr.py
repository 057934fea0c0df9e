import json

import numpy as np
import pytest

from algorithms.verdicts import Calibration
from benchmarks.fdr import BATCH, discoveries, main, summary


def test_of_a_batch_the_frauds_found_and_the_false_alarms_are_counted():
    rng = np.random.default_rng(0)
    normal, frauds = rng.normal(size=5000), rng.normal(8.0, size=500)
    found = discoveries(normal, frauds, 0.1, Calibration(rng.normal(size=5000)), rng)
    assert found["power"] == 1.0
    assert found["flagged"] * (1 - found["false_share"]) == pytest.approx(0.1 * BATCH)


def test_where_frauds_are_like_the_others_nothing_is_found():
    rng = np.random.default_rng(0)
    found = discoveries(rng.normal(size=5000), rng.normal(size=500), 0.1, Calibration(rng.normal(size=500)), rng)
    assert found == {"flagged": 0, "false_share": 0.0, "power": 0.0}


def test_the_summary_is_the_mean_of_the_batches():
    batches = [{"false_share": 0.0, "power": 0.5, "flagged": 10}, {"false_share": 0.2, "power": 1.0, "flagged": 20}]
    assert summary(batches) == {
        "batches": 2, "fdr": 0.1, "standard_error": pytest.approx(0.1), "power": 0.75, "flagged": 15.0,
    }  # fmt: skip


@pytest.mark.shared_data
@pytest.mark.usefixtures("shared_data")
def test_it_measures_models_trained_anew_and_a_frozen_one(tmp_path, capsys):
    main(["--quick", "--json", str(tmp_path / "fdr.json")])
    result = json.loads((tmp_path / "fdr.json").read_text())["result"]
    assert result["trained anew"]["all"]["batches"] == result["frozen"]["all"]["batches"] == 9
    assert 0 < result["frozen"]["all"]["power"] <= 1
    assert "10% frauds" in capsys.readouterr().out
