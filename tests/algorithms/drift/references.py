"""A reference of made rows with an amount, a kind and a day, whose scores are made of the amount and the kind."""

from collections import Counter

import numpy as np

from algorithms.drift.bins import CategoryBins, NumberBins
from algorithms.drift.reference import BinnedColumn, BinnedNumbers, Reference
from algorithms.tabular.categories import CategoryEncoder
from algorithms.tabular.counting import CategoryCounts

DAY = np.timedelta64(86_400_000_000, "us")


def texts(*values):
    """Return a column of text."""
    return np.array(values, dtype=object)


def category_bins(values, vocab_size=10, *, codes=False):
    """Return the bins of a column of categories with its values as training rows."""
    counts = CategoryCounts()
    counts.update(values)
    fitted = CategoryEncoder.fit(counts, vocab_size, codes=codes)
    return CategoryBins.fit(fitted, Counter(fitted.keys(values)))


def amounts(rows, *, seed=0, kinds=6, mean=100.0, first_day="2026-01-01"):
    """Return columns of rows from one distribution."""
    rng = np.random.default_rng(seed)
    kind = np.minimum(rng.geometric(0.4, rows) - 1, kinds - 1)
    return {
        "amount": rng.normal(mean, 10.0, rows),
        "kind": np.array([f"k{i}" for i in range(kinds)], dtype=object)[kind],
        "day": np.datetime64(first_day, "us") + rng.integers(0, 30, rows) * DAY,
    }


def scored(rows):
    """Return the scores and contributions of rows."""
    amount = np.square((rows["amount"] - 100) / 10) if "amount" in rows else np.zeros(len(rows["day"]))
    kind = np.array([float(text[1:] if text else 9) for text in rows.get("kind", ["k0"] * len(amount))])
    contributions = np.stack([amount, kind], axis=1).astype(np.float32)
    return contributions.sum(axis=1, dtype=np.float64), contributions


def reference(rows=5000, **made):
    """Return the reference of rows."""
    trained = amounts(rows, **made)
    scores, contributions = scored(trained)
    columns: dict[str, NumberBins | CategoryBins] = {
        "amount": NumberBins.fit("number", trained["amount"]),
        "kind": category_bins(trained["kind"]),
        "day": NumberBins.fit("date", trained["day"]),
    }
    return Reference(
        rows,
        {name: BinnedColumn(bins, bins.count(trained[name])) for name, bins in columns.items()},
        BinnedNumbers.fit(scores),
        {name: BinnedNumbers.fit(contributions[:, i]) for i, name in enumerate(("amount", "kind"))},
    )


def tally(trained, rows):
    """Return the tally of rows, of which those that score above 5 are anomalies."""
    scores, contributions = scored(rows)
    return trained.tally(rows, scores, contributions, int((scores > 5).sum()))
