"""The trained network as ONNX, the file that serves; it takes graphs of any size."""

import copy
import logging
import warnings

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from algorithms.graphbean.graph import BipartiteGraph, Parts
from algorithms.graphbean.incidence import ScatterIncidence
from algorithms.graphbean.network import GraphBEAN, edge_logits
from algorithms.graphbean.scorer import INPUTS, OUTPUTS, as_inputs

OPSET = 18
TOLERANCE = 1e-4
"""Largest difference of the two runtimes, relative to the larger of 1 and the largest value."""
CHECKED_EDGES = 1000

# They tell of libraries that are not needed, and of every operator they leave as it is.
for name in ("torch.onnx", "torch.onnx._internal.exporter._registration", "onnxscript", "onnx_ir"):
    logging.getLogger(name).setLevel(logging.ERROR)


class ExportError(RuntimeError):
    """The exported network does not compute what the trained one does."""


class _Side:
    """A side as ONNX Runtime computes it best: scatters of single numbers.

    Scatters of whole rows (ScatterND) would be faster still, but ONNX Runtime adds them up wrongly on several threads
    (issue 18048); scatters of two-dimensional tensors, as PyTorch Geometric makes them, take three times as long.
    """

    def __init__(self, ends: Tensor, other_ends: Tensor, nodes: int) -> None:
        self._ends, self._other_ends, self._nodes = ends, other_ends, nodes
        self._places: dict[int, Tensor] = {}
        self._degree = self._scattered(torch.ones_like(ends, dtype=torch.float32)[:, None], "sum", 0.0)  # (N, 1)

    def mean_of_nodes(self, x_other: Tensor) -> Tensor:
        return self.mean_of_edges(x_other.index_select(0, self._other_ends))

    def max_of_nodes(self, x_other: Tensor) -> Tensor:
        return self.max_of_edges(x_other.index_select(0, self._other_ends))

    def mean_of_edges(self, x_e: Tensor) -> Tensor:
        return self._scattered(x_e, "sum", 0.0) / self._degree.clamp(min=1)

    def max_of_edges(self, x_e: Tensor) -> Tensor:
        largest = self._scattered(x_e, "amax", torch.finfo(torch.float32).min)
        return torch.where(self._degree > 0, largest, 0.0)

    def at_edges(self, x: Tensor) -> Tensor:
        return x.index_select(0, self._ends)

    def _scattered(self, x_e: Tensor, reduce: str, start: float) -> Tensor:
        width = x_e.shape[1]
        if width not in self._places:
            self._places[width] = (self._ends[:, None] * width + torch.arange(width)).flatten()
        into = torch.full((self._nodes * width,), start)
        return into.scatter_reduce(0, self._places[width], x_e.flatten(), reduce).view(self._nodes, width)


class _Served(nn.Module):
    """The network as a function of arrays.

    Shapes:
        x_u (U, in_u), x_v (V, in_v), x_e (E, in_e), edge_index (2, E)
        returns the attributes again, and the logit (E,) of each edge
    """

    def __init__(self, network: GraphBEAN) -> None:
        super().__init__()
        self.network = network

    def forward(self, x_u: Tensor, x_v: Tensor, x_e: Tensor, edge_index: Tensor) -> tuple[Tensor, ...]:
        u, v = edge_index
        incidence = ScatterIncidence(edge_index, x_u.shape[0], x_v.shape[0])
        incidence.u, incidence.v = _Side(u, v, x_u.shape[0]), _Side(v, u, x_v.shape[0])
        made = self.network(Parts(x_u, x_v, x_e), incidence)
        return (*made.x, edge_logits(made.h_u, made.h_v, incidence))


def to_onnx(network: GraphBEAN, graph: BipartiteGraph) -> bytes:
    """Return the network as an ONNX model: `INPUTS` of any U, V, E ≥ 1 → `OUTPUTS`, see `_Served` for the shapes.

    `graph` has standardised float32 attributes: ONNX Runtime must agree with torch on its first 1,000 edges.

    Raises:
        ExportError: it does not.
    """
    network = copy.deepcopy(network).cpu().eval()
    nodes_u, nodes_v, edges = (torch.export.Dim(size) for size in "UVE")
    shapes = {"x_u": {0: nodes_u}, "x_v": {0: nodes_v}, "x_e": {0: edges}, "edge_index": {1: edges}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's, about its own code
        program = torch.onnx.export(
            _Served(network).eval(),
            _example(graph.widths),
            dynamo=True,
            opset_version=OPSET,
            input_names=INPUTS,
            output_names=OUTPUTS,
            dynamic_shapes=shapes,
            verbose=False,
        )
    assert program is not None  # as always with dynamo  # noqa: S101
    model = program.model_proto
    for node in model.graph.node:
        del node.metadata_props[:]  # source lines with paths of this machine
    serialized: bytes = model.SerializeToString()
    compare(network, serialized, _first_edges(graph))
    return serialized


def _example(widths: Parts[int]) -> tuple[Tensor, ...]:
    # Three different sizes above 1, so that none is taken for another one or for a constant.
    sizes = (3, 4, 6)
    pairs = torch.tensor([[0, 0, 0, 1, 1, 2], [0, 1, 2, 0, 3, 3]])
    return (*(torch.zeros(size, width) for size, width in zip(sizes, widths, strict=True)), pairs)


def _first_edges(graph: BipartiteGraph) -> BipartiteGraph:
    chosen = graph.edge_index[:, :CHECKED_EDGES]
    (u, ends_u), (v, ends_v) = (np.unique(ends, return_inverse=True) for ends in chosen)
    x = Parts(graph.x.u[u], graph.x.v[v], graph.x.e[:CHECKED_EDGES])
    return BipartiteGraph(np.stack([ends_u, ends_v]).astype(np.int64), x)


def compare(network: GraphBEAN, serialized: bytes, graph: BipartiteGraph) -> None:
    """Compare what a network in evaluation mode and its export make of a graph with scaled attributes.

    Raises:
        ExportError: they differ.
    """
    inputs = as_inputs(graph)
    session = onnxruntime.InferenceSession(serialized, providers=["CPUExecutionProvider"])
    x_u, x_v, x_e, edge_index = map(torch.from_numpy, inputs.values())
    incidence = ScatterIncidence(edge_index, graph.sizes.u, graph.sizes.v)
    with torch.inference_mode():
        made = network(Parts(x_u, x_v, x_e), incidence)
        trained = (*made.x, edge_logits(made.h_u, made.h_v, incidence))
    for name, ours, theirs in zip(OUTPUTS, session.run(OUTPUTS, inputs), trained, strict=True):
        expected = theirs.numpy()
        worst = float(np.max(np.abs(ours - expected), initial=0.0) / max(1.0, np.max(np.abs(expected), initial=0.0)))
        if not worst <= TOLERANCE:
            raise ExportError(f"ONNX Runtime and torch differ by {worst:.1e} in {name}; at most {TOLERANCE:g} is right")
