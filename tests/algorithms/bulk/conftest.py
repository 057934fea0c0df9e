"""A model trained on numbers, categories, codes and dates, and rows for it."""

import numpy as np
import pandas as pd
import pytest

from algorithms.artifacts import write_artifact

ROWS = 600


def machine_rows(rows=ROWS, seed=0):
    """Return a data frame with a column of each kind, an id and a site that no model uses, and some missing cells."""
    rng = np.random.default_rng(seed)
    state = rng.integers(3, size=rows)
    frame = pd.DataFrame(
        {
            "id": [f"M-{n}" for n in range(rows)],
            "site": ["Ulsan"] * rows,
            "state": np.array(["idle", "busy", "down"], dtype=object)[state],
            "shift": rng.integers(1, 4, rows).astype(float),
            "open": np.where(rng.random(rows) < 0.3, "true", "false").astype(object),
            "batch": (10**17 + rng.integers(3, size=rows)).astype(str).astype(object),
            "heat": 20.0 + 30 * state + rng.normal(0, 2, rows),
            "count": rng.poisson(5 * (state + 1)).astype(float),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 200, rows) * 37, unit="h"),
        }
    )
    frame.loc[rng.choice(rows, 20, replace=False), "heat"] = np.nan
    frame.loc[rng.choice(rows, 20, replace=False), "state"] = None
    return frame


@pytest.fixture(scope="session")
def frame():
    return machine_rows()


@pytest.fixture(scope="session")
def artifact(frame, tmp_path_factory):
    """Give the artifact folder of a model trained on the rows."""
    from algorithms.autoencoder.detector import AutoencoderDetector
    from algorithms.autoencoder.params import AutoencoderParams
    from algorithms.tabular.params import TabularFeederParams
    from algorithms.tabular.table import Table

    feeder = TabularFeederParams(exclude_column=("id",), categorical_column=("shift",))
    detector = AutoencoderDetector(AutoencoderParams(hidden=(32, 16), epochs=2), feeder).fit(Table.from_frame(frame))
    folder = tmp_path_factory.mktemp("bulk") / "artifact"
    with write_artifact(folder) as partial:
        detector.write(partial)
    return folder
