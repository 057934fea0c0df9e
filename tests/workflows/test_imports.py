"""The processes that must stay small import no training library."""

import subprocess
import sys

import pytest

HEAVY = ("tensorflow", "keras", "torch", "torch_geometric", "pandas", "pyarrow", "sklearn", "scipy")
SERVING = (
    "import django; django.setup(); import nnservice.urls, nnservice.wsgi; import importlib;"
    "from algorithms.workflow_types import WORKFLOW_TYPES;"
    "[importlib.import_module(workflow.scorer.partition(':')[0]) for workflow in WORKFLOW_TYPES.values()]"
)
WORKER = "import django; django.setup(); import nnservice.celery, workflows.tasks, workflows.worker"


@pytest.mark.parametrize("program", [SERVING, WORKER], ids=["web", "worker"])
def test_neither_web_process_nor_worker_imports_a_training_library(program: str) -> None:
    found = f"{program}; import sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", found], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_worker_does_without_onnx_runtime() -> None:
    found = f"{WORKER}; import sys; print('onnxruntime' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", found], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
