import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from algorithms.autoencoder.detector import AutoencoderDetector
from algorithms.autoencoder.params import AutoencoderParams
from algorithms.autoencoder.reference import ReferenceMaker
from algorithms.drift.reference import Reference
from algorithms.drift.report import drift_report
from algorithms.scorer import Scorer
from algorithms.tabular.params import TabularFeederParams
from algorithms.tabular.table import Table
from benchmarks.drift import connections, with_attacks, with_bytes, with_services
from benchmarks.drift import trained as train
from tests.algorithms.autoencoder.test_job import QUICK, run
from tests.algorithms.contract import steel


def plant(rows=2000, seed=0):
    """Return steel with days, cells missing and a column of many rare values."""
    table, rng = steel(rows, seed), np.random.default_rng(seed)
    temperature = table.columns["temperature"].copy()
    temperature[::50] = np.nan
    heat = np.array([f"H{number}" for number in rng.geometric(0.01, rows)], dtype=object)
    day = np.datetime64("2026-01-01", "us") + rng.integers(0, 90, rows) * np.timedelta64(86_400_000_000, "us")
    return Table({**table.columns, "temperature": temperature, "heat": heat, "day": day}, rows)


@pytest.fixture(scope="module")
def detector():
    return AutoencoderDetector(AutoencoderParams(hidden=(6, 2), epochs=3, validation_split=0.2)).fit(plant())


def made(detector, rows_at_once, table=None):
    """Return the reference of the training rows, which come so many at once."""
    maker = ReferenceMaker(detector.scorer.encoder, detector.fitted_.split, seed=0)
    first = 0
    for block in (table or plant()).batches(rows_at_once=rows_at_once):
        rows = slice(first, first + block.rows)
        maker.add(first, block, detector.decision_scores_[rows], detector.contributions_[rows])
        first = rows.stop
    return maker.reference()


@pytest.fixture(scope="module")
def reference(detector):
    return made(detector, 300)


def test_the_reference_does_not_depend_on_the_blocks(detector, reference):
    assert made(detector, 2000).to_dict() == reference.to_dict()


def test_every_row_learned_from_is_counted_once(reference):
    assert reference.rows == 2000
    for name in ("grade", "temperature", "weight", "day"):
        assert reference.columns[name].counts.sum() == 2000
    assert reference.columns["temperature"].counts[-1] == 40


def test_the_columns_have_the_kinds_of_the_encoder(reference):
    kinds = {name: binned.bins.kind for name, binned in reference.columns.items()}
    assert kinds == {
        "grade": "category",
        "temperature": "number",
        "weight": "number",
        "heat": "category",
        "day": "date",
    }


def test_scores_are_those_of_the_rows_held_out(detector, reference):
    held_out = detector.fitted_.split.held_out
    assert reference.scores.counted.counts.sum() == len(held_out) == 400
    assert reference.scores.counted.mean == pytest.approx(detector.decision_scores_[held_out].mean())
    means = detector.contributions_[held_out].mean(axis=0)
    assert list(reference.contribution_means.values()) == pytest.approx(means.tolist(), rel=1e-5)


def test_how_many_values_are_unseen_the_rows_held_out_say(detector, reference):
    heat, split = plant().columns["heat"], detector.fitted_.split
    trained = set(heat[split.train])
    unseen = np.mean([text not in trained for text in heat[split.held_out]])
    assert unseen > 0
    binned = reference.columns["heat"]
    assert binned.counts[binned.bins.unseen] == round(2000 * unseen)


def test_a_column_of_rare_values_raises_no_alarm(detector, reference):
    later = plant(1500, seed=1)
    scores, contributions = detector.scorer.score_table(later)
    found = drift_report(reference, reference.tally(later.columns, scores, contributions, 0))
    assert found["verdict"] == "stable", found["reason"]


def test_rows_that_were_not_learned_from_do_not_count(detector):
    params = AutoencoderParams(hidden=(6, 2), epochs=2)
    table = steel()
    weight = table.columns["weight"].copy()
    weight[:40] += 1e6
    labels = np.array(["bad"] * 40 + ["good"] * 200, dtype=object)
    table = Table({**table.columns, "weight": weight, "state": labels}, table.rows)
    feeder = TabularFeederParams(label_column="state", train_on="normal")
    normal = AutoencoderDetector(params, feeder).fit(table)
    reference = made(normal, 100, table)
    assert reference.rows == 200
    assert reference.columns["weight"].bins.edges.max() < 1000


def test_of_many_rows_a_random_part_is_counted(detector, monkeypatch):
    monkeypatch.setattr("algorithms.autoencoder.reference.sample_size", lambda columns: 150)
    reference = made(detector, 300)
    assert reference.rows == 2000
    assert reference.columns["weight"].counts.sum() == 150
    assert reference.scores.counted.counts.sum() == 150


def test_without_enough_held_out_rows_all_say_how_rows_score():
    detector = AutoencoderDetector(AutoencoderParams(hidden=(4, 2), epochs=1)).fit(steel())
    assert made(detector, 100, steel()).scores.counted.counts.sum() == 240


def test_the_job_writes_the_reference_of_its_training_data(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(dict(plant(600).columns)), path)
    run(tmp_path, {"datasrc": (path,), "evaldata": (path,)}, netconf_node=QUICK)
    reference, scorer = Reference.read(tmp_path / "artifact"), Scorer.load(tmp_path / "artifact")
    assert reference.rows == 600
    assert list(reference.contributions) == scorer.columns


@pytest.fixture(scope="module")
def network(shared_data):
    """Train on half of the normal connections, once for the tests of this module."""
    every = connections()
    assert (shared_data / "nsl-kdd").is_dir()
    attacks = every[every["attack"] != "normal"].drop(columns="attack")
    return train(every[every["attack"] == "normal"].drop(columns="attack"), 0, epochs=2), attacks


@pytest.mark.shared_data
def test_connections_of_the_same_kind_are_stable(network):
    model, _ = network
    assert model.report(model.held_out)["verdict"] == "stable"
    rng = np.random.default_rng(0)
    windows = [model.held_out.iloc[rng.choice(len(model.held_out), 1000, replace=False)] for _ in range(20)]
    assert [model.report(window)["verdict"] for window in windows].count("stable") >= 19


@pytest.mark.shared_data
def test_shifted_services_scaled_bytes_and_attacks_are_named_first(network):
    model, attacks = network
    rng = np.random.default_rng(1)
    rows = with_attacks(with_bytes(with_services(model.held_out.head(1500), 0.5, rng), 10), attacks, 0.2, rng)
    found = model.report(rows)
    assert found["verdict"] == "retrain"
    assert set(found["moved"][:3]) == {"service", "src_bytes", "dst_bytes"}
    assert found["reason"].startswith(f"retrain: {found['moved'][0]}, {found['moved'][1]}")
