"""How far apart two countings of the same bins are, and how far chance alone sets them apart."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from algorithms.drift.bins import Counts, Floats

FEWEST_EXPECTED = 5
"""Rows to be expected in a bin; bins that have fewer are judged together."""
FINEST_SHARE = 1e-4
"""Share of a bin below which no difference is made, however many rows there are."""


@dataclass(frozen=True)
class Distance:
    """Population stability index (nats) and Jensen-Shannon divergence (bits, 0 to 1) of two countings.

    If both are drawn from one distribution, `psi` / `unit` is nearly chi-squared with `bins` - 1 degrees of freedom,
    where `unit` is 1/n + 1/N.

    Source: Yurdakul, Naranjo, "Statistical properties of the population stability index", Journal of Risk Model
    Validation 14 (2020); Lin, "Divergence measures based on the Shannon entropy", IEEE Trans. Inf. Theory 37 (1991).
    """

    psi: float
    js: float
    bins: int
    unit: float

    @property
    def expected(self) -> float:
        """The index that chance alone makes, on average."""
        return (self.bins - 1) * self.unit

    @property
    def excess(self) -> float:
        """The index less what chance makes of it."""
        return self.psi - self.expected

    def is_beyond_chance(self, false_alarms: float) -> bool:
        """Tell whether so large an index comes by chance in a smaller share of the windows than this."""
        return self.psi > self.unit * _chi_squared_quantile(self.bins - 1, 1 - false_alarms)


def distance(
    before: Counts,
    after: Counts,
    *,
    apart: int = 0,
    ordered: bool = False,
    independent: tuple[int, int] | None = None,
) -> Distance | None:
    """Return the distance of two countings (bins,); None if one is of no rows.

    Bins in which the shares before lead one to expect fewer than five rows are taken together, with their neighbours if
    they are `ordered`, else with each other, so that many rare categories do not differ by chance. Not so the last
    `apart`, nor ordered ones that were empty. For the index half a row is added to each bin, of the smaller counting
    and of one of 10,000 rows at most: an empty bin is finite. `independent` is how many independent rows those of each
    counting are worth, at most; by default all.
    """
    rows_before, rows_after = int(before.sum()), int(after.sum())
    if not rows_before or not rows_after:
        return None
    most = independent or (rows_before, rows_after)
    worth = min(rows_before, max(most[0], 1)), min(rows_after, max(most[1], 1))
    fewest = min(worth)
    expected = before[: len(before) - apart].astype(np.float64) * (fewest / rows_before)
    groups = _neighbours(expected) if ordered else _rare_together(expected)
    groups += [max(groups, default=-1) + 1 + place for place in range(apart)]
    p, q = (np.bincount(groups, weights=counts) / counts.sum() for counts in (before, after))
    used = (p > 0) | (q > 0)
    p, q = p[used], q[used]
    half_row = max(0.5 / fewest, FINEST_SHARE / 2)
    unit = 1 / worth[0] + 1 / worth[1]
    return Distance(
        _stability_index(_smoothed(p, half_row), _smoothed(q, half_row)), _jensen_shannon(p, q), len(p), unit
    )


def _rare_together(expected: Floats) -> list[int]:
    """Return the group of each bin: 0 for all that are rare, one of its own for every other."""
    frequent = expected >= FEWEST_EXPECTED
    groups: list[int] = np.where(frequent, np.cumsum(frequent), 0).tolist()
    return groups


def _neighbours(expected: Floats) -> list[int]:
    """Return the group of each bin: neighbours are one until enough rows are expected, the last join those before."""
    groups: list[int] = []
    group = -1
    gathered = math.inf
    for rows in expected.tolist():
        if gathered >= FEWEST_EXPECTED or not rows:
            group += 1
            gathered = 0.0
        gathered = gathered + rows if rows else math.inf
        groups.append(group)
    if gathered < FEWEST_EXPECTED and group > 0 and expected[groups.index(group - 1)]:
        groups = [min(own, group - 1) for own in groups]
    return groups


def _smoothed(shares: Floats, more: float) -> Floats:
    return (shares + more) / (1 + more * len(shares))


def _stability_index(p: Floats, q: Floats) -> float:
    return float(((q - p) * np.log(q / p)).sum())


def _jensen_shannon(p: Floats, q: Floats) -> float:
    middle = (p + q) / 2
    terms = [np.where(x > 0, x * np.log2(np.where(x > 0, x, 1) / middle), 0).sum() for x in (p, q)]
    return min(1.0, max(0.0, float(sum(terms) / 2)))


def _chi_squared_quantile(freedom: int, share: float) -> float:
    """Return the quantile of the chi-squared distribution, within 2 % from the 90th percentile on.

    Source: Wilson, Hilferty, PNAS 17 (1931) 684.
    """
    if freedom < 1:
        return 0.0
    spread = 2 / (9 * freedom)
    return freedom * max(0.0, 1 - spread + NormalDist().inv_cdf(share) * math.sqrt(spread)) ** 3
