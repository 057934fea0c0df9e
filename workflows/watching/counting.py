"""The tally of the rows of some requests, typed as the model's encoder types them."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from algorithms.drift.reference import Reference
from algorithms.drift.tally import Tally
from algorithms.graphbean.columns import columns_of_graph
from workflows.models import Run
from workflows.services.prediction import scorers
from workflows.watching.entries import Entry
from workflows.watching.references import known_reference


def tally_of(run: Run, entries: Sequence[Entry]) -> Tally | None:
    """Return how the rows of some requests fell; None if the model cannot tell drift.

    Raises:
        Unavailable: the storage cannot be reached.
    """
    reference = known_reference(run)
    if reference is None:
        return None
    scorer: Any = scorers.get(run)
    if entries[0].is_graph:
        return sum((_of_graph(reference, scorer, entry) for entry in entries), Tally())
    rows = list(chain.from_iterable(entry.rows for entry in entries))
    answers = list(chain.from_iterable(entry.answers for entry in entries))
    return reference.tally(
        scorer.encoder.table_of_rows(rows).columns,
        np.array([answer["score"] for answer in answers]),
        np.array([list(answer["contributions"].values()) for answer in answers]),
        sum(answer["anomaly"] for answer in answers),
    )


def _of_graph(reference: Reference, scorer: Any, entry: Entry) -> Tally:
    """Count what was scored: pairs, of which several rows may tell, and the attributes of the graph they made."""
    made = scorer.encoder.graph(scorer.encoder.interactions_of_rows(entry.rows))
    _, first_rows = np.unique(made.edge_of_row, return_index=True)
    pairs = [entry.answers[row] for row in first_rows]
    return reference.tally(
        columns_of_graph(made.graph, scorer.encoder.attributes),
        np.array([pair["score"] for pair in pairs]),
        np.array([list(pair["contributions"].values()) for pair in pairs]),
        sum(pair["anomaly"] for pair in pairs),
    )
