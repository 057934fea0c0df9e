"""The training job: interactions and parameters in, an artifact folder with model, scores and result out."""

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from algorithms.artifacts import write_artifact
from algorithms.checkpoints import checkpoints_of
from algorithms.events import EventStream
from algorithms.graphbean.calibrating import calibrations_of
from algorithms.graphbean.detector import GraphBEANDetector
from algorithms.graphbean.encoder import InteractionGraph
from algorithms.graphbean.graph import PARTS, Parts
from algorithms.graphbean.memory import keep_freed_memory
from algorithms.graphbean.preparing import PLANTED, Material, Settings, prepare
from algorithms.graphbean.progress import report_epochs
from algorithms.graphbean.reference import reference_of
from algorithms.graphbean.result import ScoredNode, graph_metrics, loss_history, top_anomalies
from algorithms.graphbean.score_writing import write_graph
from algorithms.graphbean.thresholds import NAMES, Labelled, choose_thresholds
from algorithms.jobs import ARTIFACT_FOLDER, RESULT_FILE, FitJob
from algorithms.labelling import unused_settings
from algorithms.progress import log_result
from algorithms.reporting import evaluated_node
from algorithms.threshold import Threshold
from algorithms.verdicts import Calibration

logger = logging.getLogger(__name__)


def fit(job: FitJob, folder: Path, events: EventStream) -> dict[str, Any]:
    """Train, score the graphs of `datasrc` and `evaldata`, write `artifact/` into the folder; return its summary.

    With `inject_anomalies` the network trains on a copy of datasrc's graph with planted anomalies, which is scored too.

    Raises:
        DataError: the data do not fit the parameters, or the training diverged.
    """
    began = time.perf_counter()
    keep_freed_memory()
    events.send("stage", name="read")
    settings = Settings.of(job.parameters)
    material = prepare(job.tables, settings)
    seconds = {"read": time.perf_counter() - began}

    detector = GraphBEANDetector(settings.network, material.encoder, threads=job.threads)
    events.send("stage", name="train")
    graph = material.training_graph
    detector.fit(
        graph,
        on_epoch=report_epochs(events, graph.edges, settings.network.epochs),
        checkpoints=checkpoints_of(job, folder, events),
    )
    seconds |= detector.seconds_

    events.send("stage", name="score")
    step = time.perf_counter()
    scored = score(detector, material)
    calibrations, notices = calibrations_of(scored, settings.threshold_rule, settings.network.seed)
    thresholds, others = _thresholds(settings, detector, scored, calibrations)
    detector.use_thresholds(thresholds.map(lambda threshold: threshold.value))
    result = _result(settings, detector, material, scored, thresholds)
    result["notices"] += [*others, *notices]
    seconds["score"] += time.perf_counter() - step

    events.send("stage", name="write")
    with write_artifact(folder / ARTIFACT_FOLDER) as artifact:
        step = time.perf_counter()
        detector.write(artifact)
        for part, calibration in zip(PARTS, calibrations, strict=True):
            calibration.write(artifact, part)
        seconds["export"] = time.perf_counter() - step
        for name, node in scored.items():
            write_graph(artifact, name, node.stored, detector.threshold_, detector.columns_)
        reference_of(scored["datasrc"], detector).write(artifact)
        seconds["total"] = time.perf_counter() - began
        result["timings"] = {name: round(spent, 3) for name, spent in seconds.items()}
        (artifact / RESULT_FILE).write_text(json.dumps(result, indent=1, allow_nan=False, ensure_ascii=False))
    for notice in result["notices"]:
        events.send("notice", message=notice)
    log_result(result)
    logger.info("finished after %.1f s", time.perf_counter() - began)
    events.progress(final=True, percent=100.0)
    return {"artifact": ARTIFACT_FOLDER, **{key: result[key] for key in ("metrics", "threshold", "rows")}}


def score(detector: GraphBEANDetector, material: Material) -> dict[str, ScoredNode]:
    """Return the scored graphs by node; the training graph was scored by `fit`."""
    scored = {}
    for node, made in material.graphs.items():
        examined = detector.examined_ if node == material.training_node else detector.examine(made.graph)
        scored[node] = ScoredNode(made.graph, made.ids, made.rows, examined, material.labelling.nodes.get(node))
    if material.planted is not None:
        planted, made = material.planted, material.graphs["datasrc"]
        rows = made.rows._replace(e=np.where(planted.origin < 0, 0, made.rows.e[planted.origin]))
        scored[PLANTED] = ScoredNode(planted.graph, made.ids, rows, detector.examined_, planted.labels)
    return scored


def _thresholds(
    settings: Settings,
    detector: GraphBEANDetector,
    scored: Mapping[str, ScoredNode],
    calibrations: Parts[Calibration],
) -> tuple[Parts[Threshold], list[str]]:
    """Choose the thresholds: by share of the data as uploaded, or by best F1 on the first node with both classes."""
    rule, notices = settings.threshold_rule, []
    uploaded = scored["datasrc"].examined.scores.scores
    labelled: list[Labelled | None] = [None, None, None]
    for i in range(3):
        of_part = {node: scored[node].labelled(i) for node in ("evaldata", "datasrc", PLANTED) if node in scored}
        both = [node for node, found in of_part.items() if found is not None]
        if both and rule.rule == "best_f1":
            labelled[i] = of_part[both[0]]
            notices.append(
                f"the threshold of {NAMES[i]} was chosen on {both[0]}, which flatters the metrics measured there"
            )
    thresholds, others = choose_thresholds(rule, detector.contamination, uploaded, Parts(*labelled), calibrations)
    return thresholds, [*notices, *others]


def _result(
    settings: Settings,
    detector: GraphBEANDetector,
    material: Material,
    scored: Mapping[str, ScoredNode],
    thresholds: Parts[Threshold],
) -> dict[str, Any]:
    evaluated = evaluated_node({node: scored[node].labels for node in material.graphs})
    metrics, notices = graph_metrics(detector, scored[evaluated])
    if evaluated == "datasrc" and scored["datasrc"].labels is not None:
        notices.append(
            "the metrics are those of the data trained on; upload evaldata for a graph the model has not seen"
        )
    planted = None
    if material.planted is not None:
        planted, said = graph_metrics(detector, scored[PLANTED])
        planted["edges_added"] = int((material.planted.origin < 0).sum())
        counts = {part: planted[part]["anomalies"] for part in PARTS}
        notices.append(
            f"the network was trained on a copy of datasrc with planted anomalies: {counts['u']} u, {counts['v']} v and"
            f" {counts['e']} edges, {planted['edges_added']} of them new"
        )
        notices += [f"{PLANTED}: {notice}" for notice in said]
    rows = {node: len(made.edge_of_row) for node, made in material.graphs.items()}
    return {
        "detector": "graphbean",
        "columns": detector.columns_._asdict(),
        "attributes": detector.fitted_.attributes._asdict(),
        "graph": {node: _sizes(of_node, material.graphs.get(node)) for node, of_node in scored.items()},
        "rows": {
            "train": int(material.graphs["datasrc"].rows.e.sum()),
            "held_out": 0,
            "datasrc": rows["datasrc"],
            "evaldata": rows.get("evaldata"),
        },
        "threshold": {**thresholds.e.to_dict(), **thresholds.map(lambda threshold: threshold.value)._asdict()},
        "metrics": {"evaluated_on": evaluated, **metrics["e"], **metrics, PLANTED: planted},
        "loss_history": loss_history(detector.history_),
        "best_epoch": len(detector.history_),
        "top_anomalies": top_anomalies(detector, scored["datasrc"]),
        "examples": [],
        "notices": [
            *unused_settings(settings.feed_train, settings.feed_test),
            *material.notices,
            *notices,
        ],
        "settings": {**settings.network.stored(), "device": detector.device.type, "threads": detector.threads},
        "seed": settings.network.seed,
    }


def _sizes(node: ScoredNode, made: InteractionGraph | None) -> dict[str, int]:
    left_out = 0 if made is None else sum(made.left_out.values())
    return {**node.graph.sizes._asdict(), "rows": int(node.rows.e.sum()) + left_out, "left_out": left_out}
