"""The training job: tables and parameters in, an artifact folder with the model, its scores and its result out."""

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from algorithms.artifacts import write_artifact
from algorithms.autoencoder.detector import AutoencoderDetector
from algorithms.autoencoder.labelling import Labelling, find_labels
from algorithms.autoencoder.params import AutoencoderParams
from algorithms.autoencoder.progress import log_tables, report_epochs
from algorithms.autoencoder.reference import ReferenceMaker
from algorithms.autoencoder.result import (
    evaluation_metrics,
    examples,
    loss_history,
    steady_rows_per_second,
    top_anomalies,
)
from algorithms.autoencoder.scoring import score_source
from algorithms.checkpoints import checkpoints_of
from algorithms.events import EventStream
from algorithms.jobs import ARTIFACT_FOLDER, RESULT_FILE, FitJob
from algorithms.labelling import unused_settings
from algorithms.metrics import Scores
from algorithms.params import EvaluationParams
from algorithms.progress import log_result
from algorithms.score_files import NodeScores, write_scores
from algorithms.tables.source import TableFiles
from algorithms.tabular.params import TabularFeederParams
from algorithms.tabular.source import TableSource
from algorithms.threshold import Threshold, ThresholdRule, choose_threshold, needs_both_classes, too_few_for_fdr
from algorithms.verdicts import Calibration

logger = logging.getLogger(__name__)


def fit(job: FitJob, folder: Path, events: EventStream) -> dict[str, Any]:
    """Train, score every row of `datasrc` and `evaldata`, write `artifact/` into the folder; return its summary.

    Raises:
        DataError: the data do not fit the parameters, or the training diverged.
    """
    began = time.perf_counter()
    events.send("stage", name="read")
    tables = {node: TableFiles(paths, node) for node, paths in job.tables.items() if paths or node == "datasrc"}
    log_tables(tables)

    params = AutoencoderParams.model_validate(job.parameters.get("netconf_node", {}))
    feed_train = TabularFeederParams.model_validate(job.parameters.get("feed_train", {}))
    given = job.parameters.get("feed_test")
    feed_test = None if given is None else TabularFeederParams.model_validate(given)
    evaluation = EvaluationParams.model_validate(job.parameters.get("eval_node", {}))

    labelling = find_labels(tables, feed_train, feed_test, evaluation)
    rule = ThresholdRule.resolve(evaluation, contamination=params.contamination, threshold=params.threshold)
    if rule.rule == "best_f1" and labelling.node_with_both_classes is None:
        raise needs_both_classes()
    detector = AutoencoderDetector(params, labelling.feeder, threads=job.threads)
    events.send("stage", name="prepare")
    detector.train(
        tables["datasrc"],
        labelling.training,
        scored_later={node: table for node, table in tables.items() if node != "datasrc"},
        on_prepared=lambda: events.send("stage", name="train"),
        on_epoch=report_epochs(events),
        memory_bytes=job.memory_bytes,
        folder=folder,
        checkpoints=checkpoints_of(job, folder, events),
    )
    seconds = detector.fitted_.seconds
    with write_artifact(folder / ARTIFACT_FOLDER) as artifact:
        events.send("stage", name="score")
        scored = _scored(detector, tables, labelling, artifact)
        held_out = scored["datasrc"].scores[detector.fitted_.split.watched]
        threshold = _threshold(rule, held_out, scored, labelling)
        detector.use_threshold(threshold)
        events.send("stage", name="write")
        result = _result(detector, tables, scored, threshold)
        result["notices"] = [*unused_settings(feed_train, feed_test), *labelling.notices, *result["notices"]]
        if threshold.rule == "best_f1" and result["metrics"]["evaluated_on"] == labelling.node_with_both_classes:
            result["notices"].append(
                "the threshold was chosen on the rows that the metrics are measured on, which flatters them"
            )
        calibration = Calibration(held_out, detector.params.seed)
        result["notices"] += too_few_for_fdr(rule, calibration, "rows")
        calibration.write(artifact)
        detector.write(artifact)
        for node, node_scores in scored.items():
            write_scores(artifact, node, node_scores, threshold.value, detector.columns_)
        seconds["total"] = time.perf_counter() - began
        result["timings"] = {step: round(spent, 3) for step, spent in seconds.items()}
        (artifact / RESULT_FILE).write_text(json.dumps(result, indent=1, allow_nan=False, ensure_ascii=False))
    for notice in result["notices"]:
        events.send("notice", message=notice)
    log_result(result)
    logger.info("finished after %.1f s", time.perf_counter() - began)
    events.progress(final=True, percent=100.0)
    return {"artifact": ARTIFACT_FOLDER, **{key: result[key] for key in ("metrics", "threshold", "rows")}}


def _scored(
    detector: AutoencoderDetector, tables: Mapping[str, TableSource], labelling: Labelling, artifact: Path
) -> dict[str, NodeScores]:
    began = time.perf_counter()
    maker = ReferenceMaker(detector.scorer.encoder, detector.fitted_.split, detector.params.seed)
    on_block = {"datasrc": maker.add}
    scored = {
        node: score_source(detector.scorer, source, labelling.nodes.get(node), artifact, node, on_block.get(node))
        for node, source in tables.items()
    }
    maker.reference().write(artifact)
    detector.fitted_.seconds["score"] = time.perf_counter() - began
    return scored


def _threshold(
    rule: ThresholdRule, held_out: Scores, scored: Mapping[str, NodeScores], labelling: Labelling
) -> Threshold:
    node = labelling.node_with_both_classes
    labelled = None if node is None else (scored[node].scores, labelling.nodes[node])
    return choose_threshold(rule, held_out, labelled, scored["datasrc"].scores)


def _result(
    detector: AutoencoderDetector,
    tables: Mapping[str, TableSource],
    scored: Mapping[str, NodeScores],
    threshold: Threshold,
) -> dict[str, Any]:
    fitted = detector.fitted_
    metrics, notices = evaluation_metrics(scored, threshold.value)
    if metrics["evaluated_on"] == "datasrc" and "roc_auc" in metrics:
        notices.append("the metrics are those of the data trained on; upload evaldata for rows the model has not seen")
    notices += [
        f"{node}: {said}"
        for node, source in tables.items()
        if node != "datasrc"
        for said in detector.scorer.changed(source)
    ]
    return {
        "detector": "autoencoder",
        "columns": detector.columns_,
        "features": fitted.features,
        "rows_waited_in": "files" if fitted.in_files else "memory",
        "rows": {
            "train": len(fitted.split.train),
            "held_out": len(fitted.split.held_out),
            "datasrc": tables["datasrc"].rows,
            "evaldata": tables["evaldata"].rows if "evaldata" in tables else None,
        },
        "threshold": threshold.to_dict(),
        "metrics": metrics,
        "loss_history": loss_history(fitted.training.history),
        "best_epoch": fitted.training.best_epoch,
        "rows_per_second": steady_rows_per_second(fitted.training.history),
        "top_anomalies": top_anomalies(detector, tables["datasrc"], scored["datasrc"]),
        "examples": examples(detector, tables["datasrc"], detector.params.examples_to_show),
        "notices": [*fitted.notices, *notices],
        "settings": fitted.recipe.to_dict(),
        "seed": detector.params.seed,
    }
