"""What an earlier release trained is served by this one, with the same scores (tests/data/artifacts/make.py)."""

import importlib
import json
from pathlib import Path

import pytest

from algorithms.workflow_types import WORKFLOW_TYPES

STORED = sorted((Path(__file__).resolve().parents[1] / "data" / "artifacts").glob("*/*/artifact"))


def numbers(value):
    """Return the numbers of an answer, in order."""
    if isinstance(value, dict):
        return [number for key in sorted(value) for number in numbers(value[key])]
    if isinstance(value, list):
        return [number for part in value for number in numbers(part)]
    return [value] if isinstance(value, float) else []


@pytest.mark.parametrize("artifact", STORED, ids=lambda path: f"{path.parts[-3]}-{path.parts[-2]}")
def test_a_stored_artifact_still_gives_the_same_answer(artifact):
    module, _, name = WORKFLOW_TYPES[artifact.parent.name].scorer.partition(":")
    scorer = getattr(importlib.import_module(module), name).load(artifact)
    answer = json.loads((artifact.parent / "answer.json").read_text())
    given = scorer.score_rows(json.loads((artifact.parent / "rows.json").read_text()))
    expected = numbers(answer)
    assert len(expected) >= 5
    assert numbers(json.loads(json.dumps(given))) == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_every_detector_has_a_stored_artifact():
    assert {path.parent.name for path in STORED} == set(WORKFLOW_TYPES)
