"""What a checkpoint keeps of a training of GraphBEAN: weights, Adam's moments, the learning rate, random states."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.optim.lr_scheduler import MultiStepLR

from algorithms.checkpoints import Arrays, Checkpoint, Checkpoints
from algorithms.graphbean.history import Epoch, packed, unpacked
from algorithms.graphbean.network import GraphBEAN


class Stepper:
    """The network of a training, what takes its steps, and every source of chance: together, all that a step changes.

    `generators` are torch's, by name; `rng` is numpy's for the sampling, if there is any. Torch's own generators (of
    dropout) belong to it too.
    """

    def __init__(
        self,
        network: GraphBEAN,
        optimizer: torch.optim.Optimizer,
        schedule: MultiStepLR,
        generators: Mapping[str, torch.Generator],
        rng: np.random.Generator | None = None,
    ) -> None:
        self._network = network
        self._optimizer = optimizer
        self._schedule = schedule
        self._generators = generators
        self._rng = rng
        self._on_cuda = any(parameter.is_cuda for parameter in network.parameters())

    def offer(self, checkpoints: Checkpoints | None, history: Sequence[Epoch]) -> None:
        """Offer the state after the last epoch of the history."""
        if checkpoints is not None:
            checkpoints.offer(len(history), lambda: (self._values(), self._arrays(history)))

    def resume(self, checkpoint: Checkpoint) -> list[Epoch]:
        """Go on from a checkpoint; return its history."""
        arrays, values = checkpoint.arrays, checkpoint.state
        self._network.load_state_dict(_tensors(arrays, "network."))
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in _tensors(arrays, "adam.").items():
            number, _, moment = name.partition(".")
            moments.setdefault(int(number), {})[moment] = tensor
        groups = self._optimizer.state_dict()["param_groups"]
        for group, rate in zip(groups, values["learning_rates"], strict=True):
            group["lr"] = rate
        self._optimizer.load_state_dict({"state": moments, "param_groups": groups})
        self._schedule.last_epoch = checkpoint.epoch
        for name, generator in self._generators.items():
            generator.set_state(torch.from_numpy(arrays[f"generator.{name}"]))
        torch.set_rng_state(torch.from_numpy(arrays["random"]))
        if self._on_cuda:
            for device, state in enumerate(_tensors(arrays, "cuda.").values()):
                torch.cuda.set_rng_state(state, device)
        if self._rng is not None:
            self._rng.bit_generator.state = values["rng"]
        return unpacked(arrays["history"])

    def _values(self) -> dict[str, Any]:
        return {
            "learning_rates": [group["lr"] for group in self._optimizer.param_groups],
            "rng": None if self._rng is None else self._rng.bit_generator.state,
        }

    def _arrays(self, history: Sequence[Epoch]) -> Arrays:
        yield "history", packed(history)
        for name, tensor in self._network.state_dict().items():
            yield f"network.{name}", tensor.cpu().numpy()
        for number, moments in self._optimizer.state_dict()["state"].items():
            for moment, tensor in moments.items():
                yield f"adam.{number}.{moment}", tensor.cpu().numpy()
        for name, generator in self._generators.items():
            yield f"generator.{name}", generator.get_state().numpy()
        yield "random", torch.get_rng_state().numpy()
        if self._on_cuda:
            for device, state in enumerate(torch.cuda.get_rng_state_all()):
                yield f"cuda.{device}", state.numpy()


def _tensors(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, torch.Tensor]:
    """Return the arrays whose names begin so, by the rest of their names."""
    return {
        name.removeprefix(prefix): torch.from_numpy(array) for name, array in arrays.items() if name.startswith(prefix)
    }
