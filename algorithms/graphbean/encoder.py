"""The graph encoder: fitted once on the training interactions, stored as JSON, the same for every later graph."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import chain
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.errors import ArtifactIncompatible, DataError
from algorithms.graphbean.aggregation import Integers, MergedRows
from algorithms.graphbean.graph import BipartiteGraph, Parts
from algorithms.graphbean.interactions import Coded, Interactions, coded_columns, ends_of
from algorithms.graphbean.params import GraphFeederParams
from algorithms.graphbean.texts import Texts
from algorithms.tabular.categories import MISSING_SLOT, OTHER_SLOT
from algorithms.tabular.fitting import LARGE_OTHER_SHARE
from algorithms.tabular.rows import Kind, Row, columns_of_rows, refuse
from algorithms.tabular.wording import named, percent, quoted

FORMAT = 1


@dataclass(frozen=True, eq=False)
class InteractionGraph:
    """A graph and where it came from.

    Shapes:
        graph: attributes float64 in the units of the data; edges sorted by u, then v
        ids: (U,) and (V,) texts
        rows: interactions behind each u (U,), v (V,) and edge (E,)
        edge_of_row: (N,) int64, -1 for a row that was left out
        left_out: rows lacking only "u", only "v", and "both"
    """

    graph: BipartiteGraph
    ids: tuple[Texts, Texts]
    rows: Parts[NDArray[np.int64]]
    edge_of_row: NDArray[np.int64]
    left_out: Mapping[str, int]


@dataclass(frozen=True)
class GraphEncoder:
    """Turns interactions into a graph with attributes.

    Each node has the number of its distinct partners; nodes and edges have the number of rows when `count_distinct` is
    empty, the number of distinct values of each of its columns, the sum and mean of each numeric column, and the shares
    of each kept category. Missing ids are not counted, missing numbers are in neither sum nor mean (the mean of none is
    0), a missing category is a category. `categories` are the kept ones, most frequent first, None the missing one; all
    others share one slot. `known` are all columns of the training table; `notices` say what fitting merged or met.
    """

    u_column: str
    v_column: str
    count_distinct: tuple[str, ...]
    numeric_columns: tuple[str, ...]
    categories: Mapping[str, tuple[str | None, ...]]
    known: tuple[str, ...]
    notices: tuple[str, ...]

    @classmethod
    def fit(cls, interactions: Interactions, feeder: GraphFeederParams) -> Self:
        """Keep the most frequent categories of each column; of equally frequent ones those that sort first.

        Raises:
            DataError: u_column or v_column is not set.
        """
        u, v = ends_of(feeder)
        kept, rare = {}, {}
        for name in feeder.encode_column:
            kept[name], rare[name] = _most_frequent(interactions.coded[name], feeder.vocab_size)
        used = dict.fromkeys(name for columns in coded_columns(feeder).values() for name in columns)
        known = dict.fromkeys([*interactions.columns, *used, *feeder.numeric_columns])
        notices = [*_merged(rare, feeder.vocab_size), *_empty_numbers(interactions)]
        return cls(u, v, feeder.count_distinct, feeder.numeric_columns, kept, tuple(known), tuple(notices))

    @cached_property
    def attributes(self) -> Parts[tuple[str, ...]]:
        """The names of the attributes, in their order."""
        shared = [f"distinct {name}" for name in self.count_distinct] or ["rows"]
        shared += [f"{what} {name}" for name in self.numeric_columns for what in ("sum", "mean")]
        for name, categories in self.categories.items():
            slots = [MISSING_SLOT if category is None else category for category in categories]
            shared += [f"share {name}={slot}" for slot in (*slots, OTHER_SLOT)]
        u, v = f"distinct {self.v_column}", f"distinct {self.u_column}"
        return Parts((u, *shared), (v, *shared), tuple(shared))

    def graph(self, interactions: Interactions) -> InteractionGraph:
        """Return the graph of interactions; rows that lack u or v are left out.

        Raises:
            DataError: there are no rows, or none that has both a u and a v.
        """
        self.refuse_no_pairs(interactions)
        u, v = interactions.coded[self.u_column], interactions.coded[self.v_column]
        has_u, has_v = u.codes >= 0, v.codes >= 0
        kept = has_u & has_v
        left_out = {"u": ~has_u & has_v, "v": has_u & ~has_v, "both": ~has_u & ~has_v}
        (u_of_row, u_ids), (v_of_row, v_ids) = _used(u, kept), _used(v, kept)
        merged = MergedRows.of(u_of_row, v_of_row, (len(u_ids), len(v_ids)))
        edge_of_row = np.full(interactions.rows, -1, np.int64)
        edge_of_row[kept] = merged.edge_of_row
        return InteractionGraph(
            BipartiteGraph(merged.edge_index, self._attributes(merged, interactions, kept)),
            (u_ids, v_ids),
            merged.rows,
            edge_of_row,
            {ends: int(np.count_nonzero(rows)) for ends, rows in left_out.items()},
        )

    def interactions_of_rows(self, rows: Sequence[Row]) -> Interactions:
        """Return rows of JSON values as interactions.

        An id or category is a text or a number, where 7, 7.0 and "7" are one; null is missing. Columns that training
        had but did not use may be present and are ignored.

        Raises:
            RowsInvalid: no rows, unknown or missing fields, values of the wrong type, or a row without u or v; by
                field, rows counted from 1.
        """
        coded = dict.fromkeys((self.u_column, self.v_column, *self.count_distinct, *self.categories))
        # A column may be counted and summed: asked for twice, its cells must be numbers.
        kinds: dict[str, Kind] = {**dict.fromkeys(coded, "id"), **dict.fromkeys(self.numeric_columns, "number")}
        columns = columns_of_rows(rows, kinds, self.known)
        refuse(
            (name, f"row {row}: has no id: an interaction needs a {self.u_column} and a {self.v_column}")
            for name in (self.u_column, self.v_column)
            for row, text in enumerate(columns[name].tolist(), start=1)
            if text is None
        )
        numbers = {name: columns[name] for name in self.numeric_columns}
        both = [name for name in coded if name in numbers]
        columns |= columns_of_rows(rows, dict.fromkeys(both, "id"), self.known) if both else {}
        return Interactions(
            rows=len(rows),
            coded={name: Coded.of(columns[name].tolist()) for name in coded},
            numbers=numbers,
            columns=self.known,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the encoder as JSON values."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the encoder that `to_dict` stored.

        Raises:
            ArtifactIncompatible: it was stored in another format.
        """
        if stored.get("format") != FORMAT:
            raise ArtifactIncompatible(
                f"the graph encoder is stored in format {quoted(stored.get('format'))}; this release reads format"
                f" {FORMAT}: train the model again"
            )
        return cls(
            stored["u_column"],
            stored["v_column"],
            tuple(stored["count_distinct"]),
            tuple(stored["numeric_columns"]),
            {name: tuple(categories) for name, categories in stored["categories"].items()},
            tuple(stored["known"]),
            tuple(stored["notices"]),
        )

    def refuse_no_pairs(self, interactions: Interactions) -> None:
        """Raise DataError if there are no rows, or none that has both a u and a v."""
        if interactions.rows == 0:
            raise DataError("there are no rows to make a graph of", {"file": ["has no rows"]})
        has_u, has_v = (interactions.coded[name].codes >= 0 for name in (self.u_column, self.v_column))
        if (has_u & has_v).any():
            return
        ends = {"u_column": (self.u_column, has_u), "v_column": (self.v_column, has_v)}
        empty = {parameter: name for parameter, (name, has) in ends.items() if not has.any()}
        why = "has no value in any row: fill it in or name another column"
        errors = {parameter: [f"{named(name)} {why}"] for parameter, name in empty.items()}
        if not errors:
            why = f"no row has both a {named(self.u_column)} and a {named(self.v_column)}: name other columns"
            errors = {parameter: [why] for parameter in ends}
        raise DataError("; ".join(f"{parameter}: {whys[0]}" for parameter, whys in errors.items()), errors)

    def _attributes(
        self, merged: MergedRows, interactions: Interactions, kept: NDArray[np.bool_]
    ) -> Parts[NDArray[np.float64]]:
        u, v = (np.bincount(ends, minlength=n) for ends, n in zip(merged.edge_index, merged.nodes, strict=True))
        columns: list[Parts[NDArray[Any]]] = [Parts(_column(u), _column(v), np.empty((len(merged.rows.e), 0)))]
        for name in self.count_distinct:
            coded = interactions.coded[name]
            columns.append(merged.distinct(coded.codes[kept], len(coded.texts)).map(_column))
        if not self.count_distinct:
            columns.append(merged.rows.map(_column))
        for name in self.numeric_columns:
            columns += (values.map(_column) for values in merged.sums_and_means(interactions.numbers[name][kept]))
        for name, categories in self.categories.items():
            slots = _slots(interactions.coded[name], categories)[kept]
            columns.append(merged.shares(slots, len(categories) + 1))
        return Parts(*(np.concatenate(part, axis=1, dtype=np.float64) for part in zip(*columns, strict=True)))


def _column(values: NDArray[Any]) -> NDArray[Any]:
    return values[:, None]


def _used(coded: Coded, kept: NDArray[np.bool_]) -> tuple[Integers, Texts]:
    """Return nodes (N,) numbered without gaps, in the order of the codes, and their ids."""
    codes = coded.codes[kept]
    used = np.bincount(codes, minlength=len(coded.texts)) > 0
    if used.all():
        return codes, coded.texts
    return (np.cumsum(used) - 1)[codes], coded.texts.take(np.flatnonzero(used))


def _most_frequent(coded: Coded, most: int) -> tuple[tuple[str | None, ...], float]:
    """Return the most frequent categories, then by text, None being the missing one; and the share of all others."""
    of_all = np.bincount(coded.codes + 1, minlength=len(coded.texts) + 1)
    missing, counts = of_all[0], of_all[1:]
    # Millions of ids may be as frequent as the last one kept: they pass by one at a time.
    least = np.partition(counts, -most)[-most] if most < len(counts) else 0
    frequent = np.flatnonzero(counts >= least)
    counted = ((-count, False, text) for count, text in zip(counts[frequent], coded.texts.take(frequent), strict=True))
    kept = heapq.nsmallest(most, chain(counted, [(-missing, True, "")] if missing else []))
    rare = 1 + sum(int(count) for count, _, _ in kept) / max(len(coded.codes), 1)
    return tuple(None if is_missing else text for _, is_missing, text in kept), rare


def _slots(coded: Coded, categories: Sequence[str | None]) -> Integers:
    """Return the slot (N,) of each cell: that of its category, or the last one."""
    slot_of = {category: slot for slot, category in enumerate(categories)}
    texts: Iterable[str | None] = chain(coded.texts, [None])
    slots = np.fromiter((slot_of.get(text, len(categories)) for text in texts), np.int64, len(coded.texts) + 1)
    return slots[coded.codes]  # -1, the code of missing cells, finds the last


def _merged(rare: Mapping[str, float], vocab_size: int) -> list[str]:
    return [
        f"rare values of {named(name)} ({percent(share)} of the rows) are counted together; raise vocab_size"
        f" (now {vocab_size}) to keep them apart"
        for name, share in rare.items()
        if share > LARGE_OTHER_SHARE
    ]


def _empty_numbers(interactions: Interactions) -> list[str]:
    shares = {name: float(np.isnan(numbers).mean()) for name, numbers in interactions.numbers.items() if len(numbers)}
    return [
        f"{named(name)} is empty in {percent(share)} of the rows; they are left out of its sums and means"
        for name, share in shares.items()
        if share
    ]
