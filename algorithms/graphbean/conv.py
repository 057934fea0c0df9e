"""BEANConv: one round of messages between u nodes, v nodes and the edges between them."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from algorithms.graphbean.graph import Parts
from algorithms.graphbean.incidence import Incidence, ScatterIncidence, pool

Collected = tuple[Tensor, Tensor]
"""What u nodes (U, into_u) and v nodes (V, into_v) take in."""


class Norm(nn.BatchNorm1d):
    """Batch normalisation (N, C) → (N, C); a single row, whose deviation is none, is scaled and shifted only."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training and len(x) == 1:
            return functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)


class BEANConv(nn.Module):
    """Nodes take in mean and max of their neighbours and of their edges, edges take in their two ends.

    A node's own values are among what it takes in when `keep_self`. A width of 0 for the edges of the input, or of the
    output, means there are none. Every output is batch-normalised.

    Shapes:
        x: u (U, in_u), v (V, in_v), e (E, in_e) or None
        returns u (U, out_u), v (V, out_v), e (E, out_e) or None

    Source: Fathony, Ng, Chen, IJCNN 2023, doi:10.1109/IJCNN54540.2023.10191331
    """

    def __init__(self, widths_in: Parts[int], widths_out: Parts[int], *, keep_self: bool = True) -> None:
        super().__init__()
        self.keep_self = keep_self
        into_u = keep_self * widths_in.u + 2 * widths_in.v + 2 * widths_in.e
        into_v = keep_self * widths_in.v + 2 * widths_in.u + 2 * widths_in.e
        self.linear_u, self.norm_u = nn.Linear(into_u, widths_out.u), Norm(widths_out.u)
        self.linear_v, self.norm_v = nn.Linear(into_v, widths_out.v), Norm(widths_out.v)
        self.linear_e: EdgeLinear | None = None
        if widths_out.e:
            self.linear_e, self.norm_e = EdgeLinear(widths_in, widths_out.e), Norm(widths_out.e)

    def forward(
        self, x: Parts[Tensor], incidence: Incidence | ScatterIncidence, collected: Collected | None = None
    ) -> Parts[Tensor]:
        """`collected` is what nodes take in of `x`, when it is known already."""
        u, v = self.nodes(x, incidence, collected)
        e: Any = None if self.linear_e is None else self.norm_e(self.linear_e(x, incidence))
        return Parts(u, v, e)

    def nodes(
        self, x: Parts[Tensor], incidence: Incidence | ScatterIncidence, collected: Collected | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the nodes' part of the output."""
        into_u, into_v = collected or self.collect(x, incidence)
        return self.norm_u(self.linear_u(into_u)), self.norm_v(self.linear_v(into_v))

    def collect(self, x: Parts[Tensor], incidence: Incidence | ScatterIncidence) -> Collected:
        """Return what the nodes take in."""
        into_u, into_v = pool(incidence.u, x.v, x.e), pool(incidence.v, x.u, x.e)
        if self.keep_self:
            into_u, into_v = [x.u, *into_u], [x.v, *into_v]
        return torch.cat(into_u, dim=1), torch.cat(into_v, dim=1)

    def edges(self, x: Parts[Tensor], edge_index: Tensor, chunk: int) -> Any:
        """Return the edges' part of the output, for `chunk` of the edges (2, E) at a time; for inference."""
        if self.linear_e is None:
            return None
        from_u, from_v = self.linear_e.project(x.u, x.v)
        out = from_u.new_empty(edge_index.shape[1], from_u.shape[1])
        for start in range(0, len(out), chunk):
            rows = slice(start, start + chunk)
            u, v = edge_index[:, rows]
            part = from_u.index_select(0, u).add_(from_v.index_select(0, v))
            out[rows] = self.norm_e(part if x.e is None else self.linear_e.add_own(part, x.e[rows]))
        return out


class EdgeLinear(nn.Module):
    """A linear layer on an edge's own values beside those of its two ends.

    The ends' part is multiplied node by node and then brought to the edges, of which there are more.
    """

    def __init__(self, widths_in: Parts[int], width_out: int) -> None:
        super().__init__()
        self._widths = [widths_in.u, widths_in.v, widths_in.e]
        self.linear = nn.Linear(sum(self._widths), width_out)

    def forward(self, x: Parts[Tensor], incidence: Incidence | ScatterIncidence) -> Tensor:
        from_u, from_v = self.project(x.u, x.v)
        out = incidence.u.at_edges(from_u).add_(incidence.v.at_edges(from_v))
        return out if x.e is None else self.add_own(out, x.e)

    def project(self, x_u: Tensor, x_v: Tensor) -> tuple[Tensor, Tensor]:
        """Return what u nodes (U, width_out) and v nodes (V, width_out) give to each of their edges."""
        weight_u, weight_v, _ = torch.split(self.linear.weight, self._widths, dim=1)
        return functional.linear(x_u, weight_u), functional.linear(x_v, weight_v, self.linear.bias)

    def add_own(self, given: Tensor, x_e: Tensor) -> Tensor:
        """Add to what edges were given (E, width_out), in place, what is their own (E, in_e)."""
        return given.addmm_(x_e, torch.split(self.linear.weight, self._widths, dim=1)[2].T)
