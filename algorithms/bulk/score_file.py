"""The job that scores a file of rows: a file in, an artifact folder with its scores and a summary out."""

import logging
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from algorithms.ahead import mapped_in_order
from algorithms.artifacts import write_artifact
from algorithms.bulk.gathered import EvenSample, HighestRows
from algorithms.bulk.incoming import open_incoming
from algorithms.bulk.judging import calibration_of, kept_by_training, write_json
from algorithms.bulk.row_scores import BlockScorer, Told
from algorithms.bulk.score_summary import Verdicts, by_share, notices, sampled_rows, score_metrics, top_rows
from algorithms.bulk.score_writing import ScoreFiles, refuse_clashes
from algorithms.bulk.scored import ANOMALIES, ORDER, SAMPLE, SCORES, SUMMARY, TALLY
from algorithms.drift.reference import Reference
from algorithms.drift.tally import Tally
from algorithms.events import EventStream
from algorithms.jobs import ARTIFACT_FOLDER, ScoreFileJob
from algorithms.scorer import Scorer
from algorithms.verdicts import Calibration, Verdict
from algorithms.workflow_types import WORKFLOW_TYPES

TOP = 10
"""So many of the most anomalous rows are shown with their reasons."""
SCORED_PERCENT = 90
"""Where the progress stands when all rows are scored; verdicts and the file to download are the rest."""

logger = logging.getLogger(__name__)


def score_file(job: ScoreFileJob, folder: Path, events: EventStream) -> dict[str, Any]:
    """Score every row of a file, write `artifact/` into the folder; return the fields of `finished`.

    The rows are scored a block at a time by `job.threads` threads; memory does not grow with the file but for its
    scores. A row's score depends on nothing but the row.

    Raises:
        DataError: the file does not fit the model, is empty, damaged or cut off; nothing is left of the artifact. Or
            the rule needs what an earlier release did not keep of its training.
        ArtifactCorrupt, ArtifactIncompatible: the model cannot be served.
    """
    began = time.perf_counter()
    _reuse_memory()
    events.send("stage", name="read")
    refuse_clashes(job.keep)
    verdict = _verdict(job)
    scorer = Scorer.load(job.artifact)
    calibration = calibration_of(job.artifact, verdict)
    reference = kept_by_training(Reference.read, job.artifact)
    with write_artifact(folder / ARTIFACT_FOLDER) as artifact:
        events.send("stage", name="score")
        files = ScoreFiles(artifact, job.keep, percentiles=calibration is not None)
        scored = _score(job, BlockScorer(scorer, calibration, reference), files, events)
        events.send("stage", name="write")
        verdicts = _judge(artifact, verdict, calibration, scored.rows)
        with ThreadPoolExecutor(1, "order") as aside:
            ordered = aside.submit(_write_order, artifact / ORDER, verdicts.scores)
            for written in files.write_parquet(scorer.columns):
                done = SCORED_PERCENT + (99 - SCORED_PERCENT) * written / scored.rows
                events.progress(percent=round(done, 1), rows=scored.rows)
            summary = _summary(job, scorer, scored, verdicts, calibration)
            summary["notices"] = notices(
                scorer, scored.told, scored.rows, calibrated=calibration is not None, referenced=reference is not None
            )
            ordered.result()
        seconds = time.perf_counter() - began
        summary |= {"seconds": round(seconds, 3), "rows_per_second": round(scored.rows / seconds, 1)}
        write_json(artifact / SUMMARY, summary)
        write_json(artifact / SAMPLE, sampled_rows(scorer, scored.sample.chosen(), verdicts, job.keep))
        if reference is not None:
            write_json(artifact / TALLY, replace(scored.tally, anomalies=summary["anomalies"]).to_json())
    for notice in summary["notices"]:
        events.send("notice", message=notice)
    logger.info("%d rows scored in %.1f s, %d anomalies", scored.rows, seconds, summary["anomalies"])
    events.progress(final=True, percent=100.0, rows=scored.rows)
    return {"artifact": ARTIFACT_FOLDER, **{key: summary[key] for key in ("rows", "anomalies", "threshold")}}


@dataclass
class _Scored:
    """What is known of the rows scored so far beside their scores; `sums` (columns,) of the contributions."""

    sums: NDArray[np.float64]
    highest: HighestRows
    sample: EvenSample
    told: Told
    tally: Tally
    rows: int = 0


def _score(job: ScoreFileJob, score_block: BlockScorer, files: ScoreFiles, events: EventStream) -> _Scored:
    sums = np.zeros(len(score_block.scorer.columns))
    scored = _Scored(sums, HighestRows(TOP), EvenSample(job.sample_rows), Told(), Tally())
    began = time.perf_counter()
    try:
        with open_incoming(job, score_block.scorer.encoder) as incoming:
            for each in mapped_in_order(score_block, incoming.blocks, job.threads):
                files.append(each)
                scored.rows += each.block.rows
                scored.sums += each.sums
                scored.highest.update(each)
                scored.sample.update(each)
                scored.told.update(each.told)
                if each.tally is not None:
                    scored.tally += each.tally
                _report(events, scored.rows, each.block.progress, time.perf_counter() - began)
    finally:
        files.close()
    return scored


def _report(events: EventStream, rows: int, progress: float, seconds: float) -> None:
    events.progress(
        percent=round(SCORED_PERCENT * progress, 1),
        rows=rows,
        rows_per_second=round(rows / seconds),
        seconds_left=round(seconds / progress - seconds, 1),
    )


def _verdict(job: ScoreFileJob) -> Verdict:
    value = job.verdict["value"]
    return Verdict(dict(job.verdict["rule"]), value["value"] if isinstance(value, Mapping) else value)


def _judge(artifact: Path, verdict: Verdict, calibration: Calibration | None, rows: int) -> Verdicts:
    scores: NDArray[np.float64] = np.load(artifact / SCORES)
    anomalies = verdict.flag(scores, calibration)
    np.save(artifact / ANOMALIES, anomalies)
    return Verdicts(scores, anomalies, verdict.cut(scores, calibration))


def _write_order(path: Path, scores: NDArray[np.float64]) -> None:
    np.save(path, np.argsort(-scores, kind="stable").astype(np.int64, copy=False))


def _summary(
    job: ScoreFileJob, scorer: Scorer, scored: _Scored, verdicts: Verdicts, calibration: Calibration | None
) -> dict[str, Any]:
    highest = scored.highest.chosen()
    scores = verdicts.scores[highest.rows]
    percentiles = [None] * len(scores) if calibration is None else calibration.percentiles(scores).tolist()
    return {
        "detector": WORKFLOW_TYPES[job.workflow_type].detector,
        "rows": scored.rows,
        "anomalies": int(np.count_nonzero(verdicts.anomalies)),
        "threshold": verdicts.cut,
        "rule": dict(job.verdict["rule"]),
        "columns": scorer.columns,
        "kept": list(job.keep),
        **scored.told.to_dict([*scorer.columns, *scorer.encoder.constants]),
        "contributions": by_share(scorer.columns, scored.sums / scored.rows),
        "score": score_metrics(verdicts.scores),
        "top": top_rows(scorer, highest, verdicts, percentiles, job.keep),
    }


def _reuse_memory() -> None:
    """Have Arrow keep what a block took for the next: its default gives it back, a fifth of the time of a job."""
    if "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())
