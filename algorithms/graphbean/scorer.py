"""The graph scorer: the exported network and what was fitted with it, in ONNX Runtime and numpy."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.artifacts import MODEL_FILE, PREPROCESS_FILE
from algorithms.errors import ArtifactCorrupt, DataError, RowsTooMany
from algorithms.graphbean.encoder import GraphEncoder, InteractionGraph
from algorithms.graphbean.explanations import GraphExplanation
from algorithms.graphbean.graph import PARTS, BipartiteGraph, Parts
from algorithms.graphbean.interactions import Interactions
from algorithms.graphbean.scaling import AttributeScaling
from algorithms.graphbean.scoring import GraphScores, GraphScoring, Residuals
from algorithms.serving import open_session, read_serving_files, write_serving_files
from algorithms.tabular.categories import OTHER_SLOT
from algorithms.tabular.rows import INPUT
from algorithms.tabular.wording import named, quoted

INPUTS = ("x_u", "x_v", "x_e", "edge_index")
OUTPUTS = ("x_u_hat", "x_v_hat", "x_e_hat", "edge_logit")
MOST_NUMBERS = 4_000_000
"""Contributions in one answer to rows; with its name each takes some 200 bytes while the answer is made."""
LONG_NAME = 64
"""A contribution counts once more for each so many letters of its name."""

Row = Mapping[str, Any]


class GraphScorer:
    """Scores graphs that the network has not seen, by what it was trained on; safe to use from several threads.

    `encoder` makes graphs of interactions; without it, only graphs can be scored. `attributes` name those of a graph.
    A node or edge that scores above its part's of `thresholds` is an anomaly.
    """

    def __init__(
        self,
        model: bytes,
        scaling: AttributeScaling,
        scoring: GraphScoring,
        thresholds: Parts[float],
        attributes: Parts[tuple[str, ...]],
        encoder: GraphEncoder | None = None,
        threads: int = 1,
    ) -> None:
        self._session = open_session(model, threads)
        self._model = model
        self.scaling = scaling
        self.scoring = scoring
        self.thresholds = thresholds
        self.attributes = attributes
        self.encoder = encoder

    @classmethod
    def load(cls, folder: Path, threads: int = 1) -> Self:
        """Return the scorer of an artifact folder.

        Raises:
            ArtifactCorrupt: the model, or what was fitted with it, is missing or was changed.
            ArtifactIncompatible: they have the format of another release.
        """
        model, stored = read_serving_files(folder)
        scorer = cls(
            model,
            AttributeScaling.from_dict(stored["scaling"]),
            GraphScoring.from_dict(stored["scoring"]),
            Parts(**stored["thresholds"]),
            Parts(*(tuple(stored["attributes"][part]) for part in PARTS)),
            None if stored["encoder"] is None else GraphEncoder.from_dict(stored["encoder"]),
            threads,
        )
        taken = tuple(given.shape[1] for given in scorer._session.get_inputs()[:3])
        made = tuple(columns.width for columns in scorer.scaling.columns)
        if taken != made:
            raise ArtifactCorrupt(f"{MODEL_FILE} takes {taken} attributes, {PREPROCESS_FILE} makes {made}")
        return scorer

    def save(self, folder: Path) -> None:
        """Write the model and what was fitted with it into a folder that `write_artifact` gave."""
        fitted = {
            "threshold": self.threshold,
            "thresholds": self.thresholds._asdict(),
            "attributes": self.attributes._asdict(),
            "columns": self.columns._asdict(),
            "scaling": self.scaling.to_dict(),
            "scoring": self.scoring.to_dict(),
            "encoder": None if self.encoder is None else self.encoder.to_dict(),
        }
        write_serving_files(folder, self._model, fitted)

    @property
    def threshold(self) -> float:
        """The threshold of the edges."""
        return self.thresholds.e

    @property
    def columns(self) -> Parts[tuple[str, ...]]:
        """The names of the contributions of each part."""
        return self.scoring.columns(self.scaling.names(self.attributes))

    @cached_property
    def most_rows(self) -> int:
        """The rows that can be scored at once: each may be a pair of two nodes that no other row has."""
        a_row = sum(1 + len(name) // LONG_NAME for columns in self.columns for name in columns)
        return max(1, MOST_NUMBERS // a_row)

    def score_graph(self, graph: BipartiteGraph) -> GraphScores:
        """Return the scores of a graph with attributes in the units of the data, and what made them; all finite."""
        return self.scoring.score(graph.edge_index, self.residuals(self.scaling.apply(graph)))

    def residuals(self, scaled: BipartiteGraph) -> Residuals:
        """Return what the network does not reconstruct of a graph with scaled attributes.

        Activations of absurd attributes may overflow float32; the largest float32 then stands for infinity, and zero
        for the difference of two infinities.
        """
        *again, logits = (np.nan_to_num(values) for values in self._session.run(OUTPUTS, as_inputs(scaled)))
        errors = Parts(*(made.astype(np.float64) - given for made, given in zip(again, scaled.x, strict=True)))
        return Residuals(errors, np.logaddexp(0, -logits.astype(np.float64)))

    def score_rows(self, rows: Sequence[Row]) -> dict[str, list[dict[str, Any]]]:
        """Return the scores of rows of JSON values, which together are one graph.

        `rows` has for each row the u and v, score, anomaly and contributions of its pair, and notices; "u" and "v" have
        for each node id, score, anomaly and contributions.

        Raises:
            RowsInvalid: a row lacks a field, has an unknown one or a value of the wrong type.
            RowsTooMany: there are more than `most_rows`.
            DataError: the model was trained on a graph, not on rows.
        """
        interactions, made = self._graph_of(rows)
        return self._answered(interactions, made, self.score_graph(made.graph))

    def explain_rows(self, rows: Sequence[Row]) -> dict[str, list[dict[str, Any]]]:
        """Return what `score_rows` does, each pair and node with its `explanation`, nodes with their `neighbours` too.

        See `algorithms.graphbean.explanations`. Raises as `score_rows` does.
        """
        interactions, made = self._graph_of(rows)
        residuals = self.residuals(self.scaling.apply(made.graph))
        scores = self.scoring.score(made.graph.edge_index, residuals)
        why = GraphExplanation(made.graph, self.scaling, residuals, scores, self.attributes, self.columns)
        answer = self._answered(interactions, made, scores)
        for row, edge in zip(answer["rows"], made.edge_of_row.tolist(), strict=True):
            row["explanation"] = why.of_edge(edge)
        for side, (name, others) in enumerate((("u", answer["v"]), ("v", answer["u"]))):
            ids = [other["id"] for other in others]
            for position, node in enumerate(answer[name]):
                node |= why.of_node(side, position, ids)  # noqa: PLW2901 - the answer's own
        return answer

    def _graph_of(self, rows: Sequence[Row]) -> tuple[Interactions, InteractionGraph]:
        if self.encoder is None:
            raise DataError("this model was trained on a graph: it scores graphs, not rows")
        if len(rows) > self.most_rows:
            why = (
                f"{len(rows):,} rows are too many for one answer, which has {sum(map(len, self.columns))} contributions"
                f" for each new pair: send at most {self.most_rows:,}, all rows of a node together, or train with a"
                " smaller vocab_size"
            )
            raise RowsTooMany(f"{INPUT}: {why}", {INPUT: [why]})
        interactions = self.encoder.interactions_of_rows(rows)
        return interactions, self.encoder.graph(interactions)

    def _answered(
        self, interactions: Interactions, made: InteractionGraph, scores: GraphScores
    ) -> dict[str, list[dict[str, Any]]]:
        u, v, e = self._answers(scores)
        ids = [list(texts) for texts in made.ids]
        pairs = made.graph.edge_index.T.tolist()
        notices = self._notices(interactions)
        return {
            "rows": [
                {"u": ids[0][pairs[edge][0]], "v": ids[1][pairs[edge][1]], **e[edge], "notices": said}
                for edge, said in zip(made.edge_of_row.tolist(), notices, strict=True)
            ],
            "u": [{"id": text, **answer} for text, answer in zip(ids[0], u, strict=True)],
            "v": [{"id": text, **answer} for text, answer in zip(ids[1], v, strict=True)],
        }

    def _answers(self, graph_scores: GraphScores) -> Parts[list[dict[str, Any]]]:
        def answers(part: int) -> list[dict[str, Any]]:
            columns, threshold = self.columns[part], self.thresholds[part]
            scored = zip(graph_scores.scores[part].tolist(), graph_scores.contributions[part].tolist(), strict=True)
            return [
                {
                    "score": score,
                    "anomaly": score > threshold,
                    "contributions": dict(zip(columns, shares, strict=True)),
                }
                for score, shares in scored
            ]

        return Parts(*map(answers, range(3)))

    def _notices(self, interactions: Interactions) -> list[list[str]]:
        """Return what to say of each row: its categories that have no slot of their own."""
        notices: list[list[str]] = [[] for _ in range(interactions.rows)]
        for name, kept in self.encoder.categories.items() if self.encoder else ():
            coded = interactions.coded[name]
            # -1, the code of missing cells, is the last.
            others = [None if text in kept else _counts_as_other(name, text) for text in (*coded.texts, None)]
            for notice, code in zip(notices, coded.codes.tolist(), strict=True):
                said = others[code]
                if said is not None:
                    notice.append(said)
        return notices


def _counts_as_other(name: str, category: str | None) -> str:
    value = "a missing value" if category is None else quoted(category)
    return f"{named(name)}: {value} has no slot of its own; it counts as {OTHER_SLOT}"


def as_inputs(scaled: BipartiteGraph) -> dict[str, NDArray[np.float32] | NDArray[np.int64]]:
    """Return the inputs of the exported network for a graph with scaled attributes."""
    return dict(zip(INPUTS, (*(x.astype(np.float32, copy=False) for x in scaled.x), scaled.edge_index), strict=True))
