"""What the jobs that score a file share: what a training kept for them, and small files."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from algorithms.errors import ArtifactIncompatible, DataError
from algorithms.tabular.wording import quoted
from algorithms.verdicts import Calibration, Verdict

logger = logging.getLogger(__name__)

T = TypeVar("T")


def calibration_of(artifact: Path, verdict: Verdict, part: str | None = None) -> Calibration | None:
    """Return the held-out scores of a model, of one part of a graph; None if an earlier release kept none.

    Raises:
        DataError: there are none, and the rule needs them.
    """
    calibration = kept_by_training(lambda folder: Calibration.read(folder, part), artifact)
    if calibration is None and verdict.needs_calibration:
        why = f"rule {quoted(verdict.rule['rule'])} needs held-out scores, which an earlier release did not keep"
        raise DataError(f"{why}: train the model again, or choose another rule", {"threshold_rule": [why]})
    return calibration


def kept_by_training(read: Callable[[Path], T], artifact: Path) -> T | None:
    """Return what a training leaves for scoring, None if it was one of an earlier release."""
    try:
        return read(artifact)
    except ArtifactIncompatible as error:
        logger.info("%s", error)
        return None


def write_json(path: Path, content: Any) -> None:
    """Write JSON values, all finite."""
    path.write_text(json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False))
