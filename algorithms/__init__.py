"""Anomaly detectors: pure machine learning, no web framework.

Modules imported by the web process (`params`, `workflow_types`, `artifacts`, `serving`, `scorer`, `tabular`, and in
`graphbean` what `scorer` and `score_files` need) import numpy, pydantic and ONNX Runtime only; TensorFlow, torch and
pandas are imported by the training code alone, in a child process.
"""
