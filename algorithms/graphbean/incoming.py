"""A file of interactions to be scored, read as the training's were, with those around them if that is asked for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from algorithms.bulk.files import opened, unreadable
from algorithms.bulk.incoming import THE_FILE
from algorithms.errors import DataError
from algorithms.graphbean.encoder import GraphEncoder, InteractionGraph
from algorithms.graphbean.graph import Parts
from algorithms.graphbean.interactions import Coded, Interactions
from algorithms.graphbean.params import GraphFeederParams
from algorithms.graphbean.reading import arrow_of_texts, coded_of_arrow, read_interactions
from algorithms.jobs import ConvertJob, ScoreFileJob
from algorithms.tables.convert import convert
from algorithms.tables.source import TableFiles
from algorithms.tabular.cells import number_text, parse_number
from algorithms.tabular.wording import listed


@dataclass(frozen=True, eq=False)
class Incoming:
    """The interactions of a graph, of which the last `rows` are those of the file.

    `file` are the file's alone. `replaced` interactions of the training gave way to those of the file, since they have
    the same pair; `known` is how many of the nodes of the file's pairs, by side, the training had in pairs. Both are
    empty without context.
    """

    interactions: Interactions
    file: Interactions
    replaced: int = 0
    known: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """The interactions of the file."""
        return self.file.rows


class Asked:
    """Those nodes and edges of a graph that a file has interactions of.

    Shapes:
        positions: in the graph, of u (U,), v (V,) and edges (E,), rising; rows: interactions of the file behind each
    """

    def __init__(self, made: InteractionGraph, rows: int) -> None:
        edges = made.edge_of_row[-rows:]
        edges = edges[edges >= 0]
        ends = (*made.graph.edge_index[:, edges], edges)
        found = [np.unique(each, return_counts=True) for each in ends]
        self.positions: Parts[NDArray[np.int64]] = Parts(*(positions for positions, _ in found))
        self.rows: Parts[NDArray[np.int64]] = Parts(*(counts.astype(np.int64, copy=False) for _, counts in found))

    def edge_index(self, made: InteractionGraph) -> NDArray[np.int64]:
        """Return the ends (2, E) of the edges as places among `positions`."""
        pairs = made.graph.edge_index[:, self.positions.e]
        return np.stack([np.searchsorted(self.positions[side], ends) for side, ends in enumerate(pairs)])


def read_incoming(job: ScoreFileJob, folder: Path, encoder: GraphEncoder) -> Incoming:
    """Return the interactions of a job's file; a CSV file is converted within the folder.

    With `context` "training" the training's interactions come first, but for those of a pair that the file has: what
    the file says of a pair takes the place of what the training knew of it.

    Raises:
        DataError: the file is empty, damaged or cut off, lacks a column or has another type in it, has no row with both
            a u and a v, or the training's tables are not there.
    """
    feeder = feeder_of(encoder)
    if job.context == "training" and not job.training_tables:
        why = "the data of the training are not there any more: train again, or score without context"
        raise DataError(f"context: {why}", {"context": [why]})
    texts = _texts(job, encoder)
    with _as_parquet(job, folder, texts) as path:
        file = _read(path, feeder)
    encoder.refuse_no_pairs(file)
    if job.context == "none":
        return Incoming(file, file)
    training = read_interactions(job.training_tables, feeder)
    return _in_context(training, file, encoder)


def feeder_of(encoder: GraphEncoder) -> GraphFeederParams:
    """Return the parameters that name the columns of which an encoder makes its graphs."""
    return GraphFeederParams(
        u_column=encoder.u_column,
        v_column=encoder.v_column,
        count_distinct=encoder.count_distinct,
        numeric_columns=encoder.numeric_columns,
        encode_column=tuple(encoder.categories),
    )


def _texts(job: ScoreFileJob, encoder: GraphEncoder) -> list[str]:
    """Return the columns of ids and categories that were texts in training, and stay so if today's are all numbers.

    Of categories the kept ones tell; of ids the training's tables do, if they are there. Other ids are only compared
    with each other.
    """
    texts = {name for name, kept in encoder.categories.items() if not all(_is_number(text) for text in kept)}
    if job.context == "training":
        types = TableFiles(job.training_tables).types
        ids = (encoder.u_column, encoder.v_column, *encoder.count_distinct)
        texts |= {name for name in ids if types.get(name) == "text"}
    return sorted(texts)


def _is_number(category: str | None) -> bool:
    number = None if category is None else parse_number(category)
    return category is None or (number is not None and number_text(number) == category)


@contextmanager
def _as_parquet(job: ScoreFileJob, folder: Path, texts: list[str]) -> Iterator[Path]:
    if job.format == "parquet":
        with opened(job.source, THE_FILE):
            yield job.source
        return
    path = folder / "incoming.parquet"
    try:
        convert(
            ConvertJob(
                source=job.source,
                parquet=path,
                encoding=job.encoding,
                delimiter=job.delimiter,
                as_text=tuple(texts),
                max_columns=job.max_columns,
                max_cell_bytes=job.max_cell_bytes,
            )
        )
        yield path
    finally:
        path.unlink(missing_ok=True)


def _read(path: Path, feeder: GraphFeederParams) -> Interactions:
    names = [feeder.u_column, feeder.v_column, *feeder.count_distinct, *feeder.numeric_columns, *feeder.encode_column]
    used = [name for name in dict.fromkeys(names) if name is not None]
    try:
        lacking = [name for name in used if name not in pq.read_schema(path).names]
        if lacking:
            errors = {name: ["is missing from the file; the model was trained on it"] for name in lacking}
            raise DataError(f"{THE_FILE} lacks {listed(lacking)}, which the model was trained on", errors)
        return read_interactions([path], feeder)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(THE_FILE, f"is damaged: {error}") from None


def _in_context(training: Interactions, file: Interactions, encoder: GraphEncoder) -> Incoming:
    ends = (encoder.u_column, encoder.v_column)
    both = {name: _joined(training.coded[name], coded) for name, coded in file.coded.items()}
    u, v = (both[name] for name in ends)
    pairs = u.codes.astype(np.int64) * len(v.texts) + v.codes
    pairs[(u.codes < 0) | (v.codes < 0)] = -1
    of_training, of_file = pairs[: training.rows], pairs[training.rows :]
    known = {}
    for side, end in zip("uv", (u, v), strict=True):
        of_pairs = np.unique(end.codes[training.rows :][of_file >= 0])
        known[side] = int(np.isin(of_pairs, end.codes[: training.rows][of_training >= 0]).sum())
    replaced = np.isin(of_training, of_file[of_file >= 0])
    stays = np.concatenate([~replaced, np.ones(file.rows, np.bool_)])
    numbers = {name: np.concatenate([training.numbers[name], values])[stays] for name, values in file.numbers.items()}
    coded = {name: Coded(column.codes[stays], column.texts) for name, column in both.items()}
    whole = Interactions(int(np.count_nonzero(stays)), coded, numbers, file.columns)
    return Incoming(whole, file, int(np.count_nonzero(replaced)), known)


def _joined(first: Coded, second: Coded) -> Coded:
    """Return two columns, one after the other, as one."""
    texts: Any = pa.chunked_array([arrow_of_texts(first.texts), arrow_of_texts(second.texts)])
    of_texts = coded_of_arrow(texts)
    split = len(first.texts)
    # -1, the code of missing cells, finds the last.
    codes = [np.append(part, -1)[each.codes] for part, each in (
        (of_texts.codes[:split], first), (of_texts.codes[split:], second),
    )]  # fmt: skip
    return Coded(np.concatenate(codes).astype(np.int32, copy=False), of_texts.texts)
