"""The job that scores a file of interactions: a file in, an artifact folder with scores of its pairs and nodes out."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from algorithms.artifacts import write_artifact
from algorithms.bulk.judging import calibration_of, kept_by_training, write_json
from algorithms.bulk.scored import PLACES, SAMPLE, SUMMARY, TALLY
from algorithms.drift.reference import Reference
from algorithms.errors import DataError
from algorithms.events import EventStream
from algorithms.graphbean.columns import columns_of_graph
from algorithms.graphbean.encoder import InteractionGraph
from algorithms.graphbean.explanations import GraphExplanation
from algorithms.graphbean.graph import PARTS, BipartiteGraph, Parts
from algorithms.graphbean.incoming import Asked, Incoming, read_incoming
from algorithms.graphbean.memory import keep_freed_memory
from algorithms.graphbean.part_scores import PartScores
from algorithms.graphbean.reading import arrow_of_texts
from algorithms.graphbean.score_files import file_of
from algorithms.graphbean.scored_parts import BATCH
from algorithms.graphbean.scorer import GraphScorer
from algorithms.graphbean.telling import Told, notices
from algorithms.graphbean.texts import Texts
from algorithms.jobs import ARTIFACT_FOLDER, ScoreFileJob
from algorithms.reporting import TOP
from algorithms.verdicts import Calibration, Verdict
from algorithms.workflow_types import WORKFLOW_TYPES

READ_PERCENT, SCORED_PERCENT = 30, 80
"""Where the progress stands when the graph is made, and when it is scored."""

logger = logging.getLogger(__name__)


def score_file(job: ScoreFileJob, folder: Path, events: EventStream) -> dict[str, Any]:
    """Score the pairs of a file and their ends, write `artifact/` into the folder; return the fields of `finished`.

    The interactions are one graph, with the training's around them if `context` says so; it is scored as a whole, and
    memory grows with it. The artifact has the scores of the file's pairs and nodes alone. Nodes that training did not
    know are scored like any other: the network sees attributes and neighbours, no ids.

    Raises:
        DataError: the file does not fit the model, is empty, damaged or cut off; nothing is left of the artifact. Or
            the rule needs what an earlier release did not keep of its training.
        ArtifactCorrupt, ArtifactIncompatible: the model cannot be served.
    """
    began = time.perf_counter()
    keep_freed_memory()
    events.send("stage", name="read")
    scorer = GraphScorer.load(job.artifact, job.threads)
    verdicts = _verdicts(job)
    calibrations = [calibration_of(job.artifact, verdict, part) for part, verdict in zip(PARTS, verdicts, strict=True)]
    reference = kept_by_training(Reference.read, job.artifact)
    if scorer.encoder is None:
        raise DataError("this model was trained on a graph: it scores graphs, not files of interactions")
    with write_artifact(folder / ARTIFACT_FOLDER) as artifact:
        incoming = read_incoming(job, folder, scorer.encoder)
        made = scorer.encoder.graph(incoming.interactions)
        events.progress(percent=READ_PERCENT, rows=incoming.rows)
        events.send("stage", name="score")
        scored = _Scored.of(scorer, incoming, made, verdicts, calibrations)
        events.progress(percent=SCORED_PERCENT, rows=incoming.rows)
        events.send("stage", name="write")
        scored.write(artifact)
        summary = _summary(job, scorer, scored)
        summary["notices"] = notices(scored.told, calibrated=None not in calibrations, referenced=reference is not None)
        write_json(artifact / SAMPLE, scored.sample(job.sample_rows))
        if reference is not None:
            pairs = scored.parts.e
            tally = reference.tally(scored.columns, pairs.scores, pairs.contributions, summary["anomalies"])
            write_json(artifact / TALLY, tally.to_json())
        seconds = time.perf_counter() - began
        summary |= {"seconds": round(seconds, 3), "rows_per_second": round(incoming.rows / seconds, 1)}
        write_json(artifact / SUMMARY, summary)
    for notice in summary["notices"]:
        events.send("notice", message=notice)
    logger.info("%d interactions scored in %.1f s, %d anomalous pairs", incoming.rows, seconds, summary["anomalies"])
    events.progress(final=True, percent=100.0, rows=incoming.rows)
    return {"artifact": ARTIFACT_FOLDER, **{key: summary[key] for key in ("rows", "anomalies", "threshold")}}


@dataclass(frozen=True)
class _Scored:
    """The graph of a file, and in its context, and what of it is told: the part of the file."""

    scorer: GraphScorer
    made: InteractionGraph
    asked: Asked
    parts: Parts[PartScores]
    why: GraphExplanation
    told: Told

    @classmethod
    def of(
        cls,
        scorer: GraphScorer,
        incoming: Incoming,
        made: InteractionGraph,
        verdicts: Parts[Verdict],
        calibrations: list[Calibration | None],
    ) -> "_Scored":
        residuals = scorer.residuals(scorer.scaling.apply(made.graph))
        scores = scorer.scoring.score(made.graph.edge_index, residuals)
        asked = Asked(made, incoming.rows)
        parts = Parts(
            *(
                PartScores.judged(
                    part, scorer.columns[i], scores.scores[i][at], scores.contributions[i][at], verdicts[i],
                    calibrations[i],
                )
                for i, (part, at) in enumerate(zip(PARTS, asked.positions, strict=True))
            )
        )  # fmt: skip
        why = GraphExplanation(made.graph, scorer.scaling, residuals, scores, scorer.attributes, scorer.columns)
        nodes = {side: len(asked.positions[i]) for i, side in enumerate("uv")}
        return cls(scorer, made, asked, parts, why, Told.of(scorer.encoder, incoming, nodes))  # type: ignore[arg-type]

    @cached_property
    def ids(self) -> tuple[Texts, Texts]:
        """Who the nodes are."""
        u, v = (texts.take(at) for texts, at in zip(self.made.ids, self.asked.positions, strict=False))
        return u, v

    @cached_property
    def pairs(self) -> NDArray[np.int64]:
        """(2, E) places of the edges' ends among the nodes."""
        return self.asked.edge_index(self.made)

    @cached_property
    def columns(self) -> dict[str, NDArray[np.float64]]:
        """The attributes as columns, which drift is told by."""
        x = Parts(*(values[at] for values, at in zip(self.made.graph.x, self.asked.positions, strict=True)))
        return columns_of_graph(BipartiteGraph(self.pairs, x), self.scorer.attributes)

    def write(self, artifact: Path) -> None:
        """Write scores, and who they belong to."""
        for side, nodes in zip("uv", self.ids, strict=True):
            np.save(file_of(artifact, "ids", BATCH, side), nodes.letters)
            np.save(file_of(artifact, "offsets", BATCH, side), nodes.offsets.astype(np.int64))
        np.save(file_of(artifact, "pairs", BATCH), self.pairs)
        (u, v), pairs = self.ids, self.pairs
        who = Parts({"u": u}, {"v": v}, {"u": u.take(pairs[0]), "v": v.take(pairs[1])})
        for part, rows, texts in zip(self.parts, self.asked.rows, who, strict=True):
            np.save(file_of(artifact, "rows", BATCH, part.part), rows)
            ids = {side: arrow_of_texts(of_side) for side, of_side in texts.items()}
            part.write(artifact, pa.table({**ids, "rows": rows}))

    def top(self) -> dict[str, list[dict[str, Any]]]:
        """Return of each part the ten that score highest, with their reasons."""
        found: dict[str, list[dict[str, Any]]] = {}
        for i, part in enumerate(self.parts):
            at = part.order[:TOP].tolist()
            found[part.part] = [
                {**self._who(i, place), "rows": int(self.asked.rows[i][place]), **told, **self._because(i, place)}
                for place, told in zip(at, part.at(at), strict=True)
            ]
        return found

    def sample(self, wanted: int) -> list[dict[str, Any]]:
        """Return so many pairs, evenly chosen, with ids and attributes by column, and the largest contributions."""
        encoder, pairs = self.scorer.encoder, self.parts.e
        wanted = min(wanted, len(pairs.scores))
        chosen = np.unique(np.linspace(0, len(pairs.scores) - 1, wanted).round().astype(np.int64)).tolist()
        names = {"u": encoder.u_column, "v": encoder.v_column} if encoder else {}
        attributes = self.made.graph.x.e[self.asked.positions.e[chosen]].tolist()
        return [
            {
                **{name: told[name] for name in ("row", "score", "anomaly", "contributions")},
                "values": {
                    **{names[side]: text for side, text in self._who(2, place).items()},
                    **dict(zip(self.scorer.attributes.e, values, strict=True)),
                },
            }
            for place, told, values in zip(chosen, pairs.at(chosen, len(PLACES)), attributes, strict=True)
        ]

    def _who(self, i: int, place: int) -> dict[str, str]:
        ends = self.pairs[:, place].tolist() if i == 2 else []
        if ends:
            return {side: ids[end] for side, ids, end in zip("uv", self.ids, ends, strict=True)}
        return {"uv"[i]: self.ids[i][place]}

    def _because(self, i: int, place: int) -> dict[str, Any]:
        at = int(self.asked.positions[i][place])
        return {"explanation": self.why.of_edge(at)} if i == 2 else self.why.of_node(i, at, self.made.ids[1 - i])


def _verdicts(job: ScoreFileJob) -> Parts[Verdict]:
    rule, value = job.verdict["rule"], job.verdict["value"]
    return Parts(*(Verdict(dict(rule), value[part] if isinstance(value, Mapping) else value) for part in PARTS))


def _summary(job: ScoreFileJob, scorer: GraphScorer, scored: _Scored) -> dict[str, Any]:
    top = scored.top()
    parts = {part.part: {**part.told(), "top": top[part.part]} for part in scored.parts}
    return {
        "detector": WORKFLOW_TYPES[job.workflow_type].detector,
        "anomalies": parts["e"]["anomalies"],
        "threshold": parts["e"]["threshold"],
        "rule": dict(job.verdict["rule"]),
        "context": job.context,
        **scored.told.to_dict(),
        "parts": parts,
    }
