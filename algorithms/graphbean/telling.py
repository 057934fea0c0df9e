"""What is to say of a scored file of interactions beside its scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from algorithms.graphbean.encoder import GraphEncoder
from algorithms.graphbean.incoming import Incoming
from algorithms.graphbean.interactions import Interactions
from algorithms.tabular.categories import OTHER_SLOT
from algorithms.tabular.wording import named, percent


@dataclass(frozen=True)
class Told:
    """Counts of rows of the file, by column: categories without a slot of their own, and missing values.

    `left_out` are the rows that lack u or v, which have no score. In the context of the training, `replaced` of its
    interactions gave way, and `known` of the nodes, by side, were in it.
    """

    rows: int
    left_out: int
    unseen: Mapping[str, int]
    missing: Mapping[str, int]
    in_context: bool
    replaced: int
    nodes: Mapping[str, int]
    known: Mapping[str, int]
    names: Mapping[str, str]

    @classmethod
    def of(cls, encoder: GraphEncoder, incoming: Incoming, nodes: Mapping[str, int]) -> "Told":
        """Count, given how many nodes of each side the file has."""
        file = incoming.file
        names = {"u": encoder.u_column, "v": encoder.v_column}
        lacking = np.logical_or(*(file.coded[name].codes < 0 for name in names.values()))
        missing = {name: int(np.count_nonzero(coded.codes < 0)) for name, coded in file.coded.items()}
        missing |= {name: int(np.count_nonzero(np.isnan(numbers))) for name, numbers in file.numbers.items()}
        return cls(
            rows=file.rows,
            left_out=int(np.count_nonzero(lacking)),
            unseen={name: count for name in encoder.categories if (count := _unseen(encoder, file, name))},
            missing={name: count for name, count in missing.items() if count},
            in_context=bool(incoming.known),
            replaced=incoming.replaced,
            nodes=nodes,
            known=incoming.known,
            names=names,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as the summary has them."""
        context = {"known": dict(self.known), "replaced": self.replaced} if self.in_context else {}
        counts = {"rows": self.rows, "left_out": self.left_out, "unseen": self.unseen, "missing": self.missing}
        return {**counts, **context}


def notices(told: Told, *, calibrated: bool, referenced: bool) -> list[str]:
    """Return what a reader of the scores must know."""
    said = []
    if told.left_out:
        u, v = (named(name) for name in told.names.values())
        said.append(f"{_of(told.left_out, told.rows)} lack {u} or {v} and have no score")
    for name, count in told.unseen.items():
        many = _of(count, told.rows)
        said.append(f"{named(name)} has a value without a slot of its own in {many}; it counts as {OTHER_SLOT}")
    for side, known in told.known.items():
        if known < told.nodes[side]:
            new, nodes = told.nodes[side] - known, told.nodes[side]
            said.append(f"{new:,} of {nodes:,} {named(told.names[side])} are new: the training had none of them")
    if told.replaced:
        said.append(f"{told.replaced:,} interactions of the training have a pair of the file, which takes their place")
    lacking = [word for word, there in (("percentiles", calibrated), ("drift", referenced)) if not there]
    if lacking:
        said.append(f"the model was trained by an earlier release: train it again to have {' and '.join(lacking)}")
    return said


def _unseen(encoder: GraphEncoder, file: Interactions, name: str) -> int:
    coded, kept = file.coded[name], set(encoder.categories[name])
    others = np.fromiter((text not in kept for text in coded.texts), np.bool_, len(coded.texts))
    return int(np.count_nonzero(np.append(others, False)[coded.codes]))  # -1, a missing one, finds the last


def _of(count: int, rows: int) -> str:
    return f"{count:,} of {rows:,} rows ({percent(count / rows)})"
