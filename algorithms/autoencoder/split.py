"""Which rows train the network and which are held out for its threshold."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.autoencoder.params import AutoencoderParams
from algorithms.errors import DataError
from algorithms.tabular.params import TabularFeederParams

FEWEST_ROWS = 20
"""With fewer training rows none is held out: a quantile of one or two scores says nothing."""

Rows = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Split:
    """Row numbers, ascending, of the rows that train and of those held out, of `rows`; the latter may be none."""

    rows: int
    train: Rows
    held_out: Rows
    notices: tuple[str, ...] = ()

    @property
    def trains(self) -> NDArray[np.bool_]:
        """Which of the rows (rows,) train."""
        mask = np.zeros(self.rows, np.bool_)
        mask[self.train] = True
        return mask

    @property
    def watched(self) -> Rows:
        """The rows whose scores say where the threshold is: those held out, or, without any, those that train."""
        return self.held_out if len(self.held_out) else self.train


def split_rows(
    rows: int, labels: NDArray[np.int8] | None, params: AutoencoderParams, feeder: TabularFeederParams
) -> Split:
    """Split a table of so many rows at random by the seed; with `train_on` normal, only rows labelled 0 take part.

    Raises:
        DataError: there are no rows, or none that is labelled normal.
    """
    if rows == 0:
        raise DataError("there are no rows to learn from", {"file": ["has no rows"]})
    usable: Rows = np.arange(rows, dtype=np.int32 if rows <= np.iinfo(np.int32).max else np.int64)
    if feeder.train_on == "normal":
        if labels is None:
            why = "train_on 'normal' needs labels: name their label_column"
            raise DataError(why, {"label_column": [why]})
        usable = usable[labels == 0]
        if len(usable) == 0:
            why = "no row is labelled normal; correct the labels or set train_on to 'all'"
            raise DataError(why, {"train_on": [why]})
    if len(usable) < FEWEST_ROWS or params.validation_split == 0:
        why = "validation_split is 0" if params.validation_split == 0 else f"there are only {len(usable)} rows"
        notice = f"no rows were held out ({why}): the threshold comes from the rows trained on and may be too low"
        return Split(rows, usable, usable[:0], (notice,))
    shuffled = np.random.default_rng(params.seed).permutation(usable)
    held_out = min(max(1, round(len(usable) * params.validation_split)), len(usable) - 1)
    return Split(rows, np.sort(shuffled[held_out:]), np.sort(shuffled[:held_out]))
