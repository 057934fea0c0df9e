"""Packs an ONNX model for MLflow's server: run by an interpreter that has mlflow, `predict_peers.py MODEL FOLDER`."""

import sys

import mlflow
import numpy as np
import onnx
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec
from onnx.helper import tensor_dtype_to_np_dtype


def pack(model: str, folder: str) -> None:
    """Write a model with the types of its inputs, which are sent as JSON."""
    network = onnx.load(model)
    inputs = [
        TensorSpec(
            np.dtype(tensor_dtype_to_np_dtype(given.type.tensor_type.elem_type)),
            (-1, *(size.dim_value for size in given.type.tensor_type.shape.dim[1:])),
            given.name,
        )
        for given in network.graph.input
    ]
    mlflow.onnx.save_model(network, folder, signature=ModelSignature(inputs=Schema(inputs)))


if __name__ == "__main__":
    pack(*sys.argv[1:])
