"""The sums, maxima and gathers of `algorithms.graphbean.incidence` with backward passes of their own.

PyTorch's own backward of a gather is a scatter and that of a sparse maximum another one; both are several times slower
than the sparse products here, and scatters do not sum in a fixed order. Matrices are sparse CSR tensors of ones.
"""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class _Gather(torch.autograd.Function):
    """(N, C) → (E, C): rows by their number `ends` (E,); `collect` (N, E) sums edges into them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, ends: Tensor, collect: Tensor) -> Tensor:
        ctx.collect = collect
        return x.index_select(0, ends)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return ctx.collect @ gradient, None, None


class _EdgeSum(torch.autograd.Function):
    """(E, C) → (N, C): the sum over each node's edges."""

    @staticmethod
    def forward(ctx: Any, x_e: Tensor, collect: Tensor, ends: Tensor) -> Tensor:
        ctx.ends = ends
        return collect @ x_e

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return gradient.index_select(0, ctx.ends), None, None


class _SparseProduct(torch.autograd.Function):
    """(M, C) → (N, C): `matrix` (N, M) times x; `transposed` is (M, N)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: Tensor, transposed: Tensor) -> Tensor:
        ctx.transposed = transposed
        return matrix @ x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return ctx.transposed @ gradient, None, None


class _EdgeMax(torch.autograd.Function):
    """(E, C) → (N, C): the largest value among each node's edges, 0 without edges; equal ones share the gradient."""

    @staticmethod
    def forward(ctx: Any, x_e: Tensor, collect: Tensor, ends: Tensor) -> Tensor:
        largest: Tensor = torch.sparse.mm(collect, x_e, "amax")
        ctx.save_for_backward(x_e, largest)
        ctx.collect, ctx.ends = collect, ends
        return largest

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        x_e, largest = ctx.saved_tensors
        return _to_largest(gradient, x_e, largest, ctx.ends, ctx.collect), None, None


class _NeighbourMax(torch.autograd.Function):
    """(M, C) → (N, C): the largest value among each node's neighbours, 0 without; equal ones share the gradient.

    `neighbours` (N, M), `collect` (N, E) and `distribute` (M, E) sum neighbours, edges of these nodes and of those.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, neighbours: Tensor, collect: Tensor, ends: Tensor, other_ends: Tensor, distribute: Tensor
    ) -> Tensor:
        largest: Tensor = torch.sparse.mm(neighbours, x, "amax")
        ctx.save_for_backward(x, largest)
        ctx.collect, ctx.ends, ctx.other_ends, ctx.distribute = collect, ends, other_ends, distribute
        return largest

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None, None]:
        x, largest = ctx.saved_tensors
        candidates = x.index_select(0, ctx.other_ends)
        at_edges = _to_largest(gradient, candidates, largest, ctx.ends, ctx.collect)
        collected: Tensor = ctx.distribute @ at_edges
        return collected, None, None, None, None, None


def _to_largest(gradient: Tensor, candidates: Tensor, largest: Tensor, ends: Tensor, collect: Tensor) -> Tensor:
    """Return the gradient (E, C) of the candidates (E, C) of which each node's `largest` (N, C) was taken."""
    hits = (candidates == largest.index_select(0, ends)).to(gradient.dtype)
    share = gradient / (collect @ hits).clamp_(min=1)
    return hits.mul_(share.index_select(0, ends))


_Kernel = Callable[..., Tensor]
gather = cast("_Kernel", _Gather.apply)
edge_sum = cast("_Kernel", _EdgeSum.apply)
edge_max = cast("_Kernel", _EdgeMax.apply)
sparse_product = cast("_Kernel", _SparseProduct.apply)
neighbour_max = cast("_Kernel", _NeighbourMax.apply)
