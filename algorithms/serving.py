"""What every scorer does with the files of an artifact: the exported network and what was fitted with it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnxruntime

from algorithms.artifacts import MODEL_FILE, PREPROCESS_FILE, verify_artifact
from algorithms.errors import ArtifactIncompatible

FORMAT = 1


def open_session(model: bytes, threads: int) -> onnxruntime.InferenceSession:
    """Return a session on so many threads of this process, which do not take the cores from other requests."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def write_serving_files(folder: Path, model: bytes, preprocess: Mapping[str, Any]) -> None:
    """Write the network and what was fitted with it into a folder that `write_artifact` gave."""
    stored = {"format": FORMAT, **preprocess}
    (folder / PREPROCESS_FILE).write_text(json.dumps(stored, indent=1, allow_nan=False))
    (folder / MODEL_FILE).write_bytes(model)


def read_serving_files(folder: Path) -> tuple[bytes, dict[str, Any]]:
    """Return the network of an artifact and what was fitted with it.

    Raises:
        ArtifactCorrupt: one of them is missing or was changed.
        ArtifactIncompatible: they have the format of another release.
    """
    verify_artifact(folder, (MODEL_FILE, PREPROCESS_FILE))
    stored = json.loads((folder / PREPROCESS_FILE).read_text())
    if stored.get("format") != FORMAT:
        raise ArtifactIncompatible(
            f"{PREPROCESS_FILE} has format {stored.get('format')}, this release reads format {FORMAT}:"
            " train the model again"
        )
    return (folder / MODEL_FILE).read_bytes(), stored
