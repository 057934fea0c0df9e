"""GraphBEAN the obvious way in PyTorch Geometric, the peer of the speed benchmark.

Gathers by indexing, scatters, one linear layer on what was concatenated, negatives drawn pair by pair; the network, the
loss and the optimizer are those of the product.
"""

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.utils import scatter

Triple = tuple[int, int, int]


class PlainBEANConv(nn.Module):
    def __init__(self, widths_in: Triple, widths_out: Triple, *, keep_self: bool = True) -> None:
        super().__init__()
        in_u, in_v, in_e = widths_in
        out_u, out_v, out_e = widths_out
        self.keep_self = keep_self
        self.linear_u = nn.Linear(keep_self * in_u + 2 * in_v + 2 * in_e, out_u)
        self.linear_v = nn.Linear(keep_self * in_v + 2 * in_u + 2 * in_e, out_v)
        self.norm_u, self.norm_v = nn.BatchNorm1d(out_u), nn.BatchNorm1d(out_v)
        self.linear_e = nn.Linear(in_u + in_v + in_e, out_e) if out_e else None
        self.norm_e = nn.BatchNorm1d(out_e) if out_e else None

    def forward(
        self, x_u: Tensor, x_v: Tensor, x_e: Tensor | None, edge_index: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        u, v = edge_index
        into_u = [x_u] * self.keep_self + self._collect(x_v[v], x_e, u, len(x_u))
        into_v = [x_v] * self.keep_self + self._collect(x_u[u], x_e, v, len(x_v))
        out_u = self.norm_u(self.linear_u(torch.cat(into_u, dim=1)))
        out_v = self.norm_v(self.linear_v(torch.cat(into_v, dim=1)))
        if self.linear_e is None or self.norm_e is None:
            return out_u, out_v, None
        of_edge = [x_u[u], x_v[v]] if x_e is None else [x_u[u], x_v[v], x_e]
        return out_u, out_v, self.norm_e(self.linear_e(torch.cat(of_edge, dim=1)))

    @staticmethod
    def _collect(others: Tensor, x_e: Tensor | None, ends: Tensor, nodes: int) -> list[Tensor]:
        given = [others] if x_e is None else [others, x_e]
        return [scatter(x, ends, 0, nodes, reduce) for x in given for reduce in ("mean", "max")]


class PlainGraphBEAN(nn.Module):
    """2 + 2 layers of BEANConv and 2 of the structure decoder, all hidden widths the same."""

    def __init__(self, widths: Triple, width: int = 32) -> None:
        super().__init__()
        hidden, latent = (width, width, width), (width, width, 0)
        self.encoder = nn.ModuleList([PlainBEANConv(widths, hidden), PlainBEANConv(hidden, latent, keep_self=False)])
        self.decoder = nn.ModuleList([PlainBEANConv(latent, hidden), PlainBEANConv(hidden, widths)])
        self.mlp_u = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.mlp_v = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(
        self, x_u: Tensor, x_v: Tensor, x_e: Tensor, edge_index: Tensor, pairs: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        z_u, z_v, x_e = self._through(self.encoder, x_u, x_v, x_e, edge_index)
        x_u, x_v, x_e = self._through(self.decoder, z_u, z_v, x_e, edge_index)
        h_u, h_v = self.mlp_u(z_u), self.mlp_v(z_v)
        return x_u, x_v, x_e, torch.sigmoid((h_u[pairs[0]] * h_v[pairs[1]]).sum(dim=1))

    @staticmethod
    def _through(layers: nn.ModuleList, x_u: Tensor, x_v: Tensor, x_e: Tensor, edge_index: Tensor) -> list[Tensor]:
        x = [x_u, x_v, x_e]
        for number, layer in enumerate(layers):
            if number:
                x = [functional.relu(part) for part in x]
            x = list(layer(*x, edge_index))
        return x


def train_plainly(
    x_u: Tensor,
    x_v: Tensor,
    x_e: Tensor,
    edge_index: Tensor,
    epochs: int,
    *,
    seed: int = 0,
    negatives: int = 5,
    structure_weight: float = 0.2,
    on_epoch: Callable[[int, PlainGraphBEAN, float], None] = lambda epoch, network, seconds: None,
) -> PlainGraphBEAN:
    """Train for some epochs of one full-batch step; `on_epoch` is told each one's number and seconds."""
    torch.manual_seed(seed)
    network = PlainGraphBEAN((x_u.shape[1], x_v.shape[1], x_e.shape[1]))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    keys = edge_index[0] * len(x_v) + edge_index[1]
    for epoch in range(1, epochs + 1):
        began = time.perf_counter()
        network.train()
        drawn = torch.stack([torch.randint(len(x), (negatives * edge_index.shape[1],)) for x in (x_u, x_v)])
        drawn = drawn[:, ~torch.isin(drawn[0] * len(x_v) + drawn[1], keys)]
        pairs = torch.cat([edge_index, drawn], dim=1)
        truth = torch.zeros(pairs.shape[1])
        truth[: edge_index.shape[1]] = 1
        optimizer.zero_grad()
        again_u, again_v, again_e, probability = network(x_u, x_v, x_e, edge_index, pairs)
        features = (
            functional.mse_loss(again_u, x_u) + functional.mse_loss(again_v, x_v) + functional.mse_loss(again_e, x_e)
        )
        loss = features + structure_weight * functional.binary_cross_entropy(probability, truth)
        loss.backward()
        optimizer.step()
        loss.item()
        on_epoch(epoch, network, time.perf_counter() - began)
    return network
