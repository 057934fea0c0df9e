"""Anomaly detectors: pure machine learning, no web framework.

Modules imported by the web process (`params`, `workflow_types`, `artifacts`, `scorer`, `tabular`) need numpy, pydantic
and ONNX Runtime only; TensorFlow, torch and pandas are imported by the training code alone, in a child process.
"""
