"""Recipes: what the parameters that were left open become."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from algorithms.autoencoder.params import AutoencoderParams
from algorithms.penalties import Penalty
from algorithms.tabular.params import TabularFeederParams
from algorithms.tabular.scaling import Scaling


@dataclass(frozen=True)
class Recipe:
    """Every setting of one training, resolved."""

    recipe: Literal["clean", "contaminated", "classic"]
    numeric_scaling: Scaling
    hidden: tuple[int, ...]
    activation: str
    output_activation: str
    batch_size: int
    epochs: int
    learning_rate: float
    learning_rate_decay: Literal["cosine", "none"]
    dropout: float
    noise: float
    trim: float
    penalty: Penalty
    early_stopping: bool
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return {**asdict(self), "hidden": list(self.hidden)}


@dataclass(frozen=True)
class _Defaults:
    learning_rate: float
    steps: int
    learning_rate_decay: Literal["cosine", "none"] = "none"
    activation: str = "relu"
    output_activation: str = "linear"
    numeric_scaling: Scaling = "asinh"
    dropout: float = 0.0
    noise: float = 0.0
    trim: float = 0.0
    penalty: Penalty = "log"


_DEFAULTS = {
    # Every row is normal: learn to remove noise, to the end.
    "clean": _Defaults(3e-3, 1500, learning_rate_decay="cosine", noise=3.0),
    # Some rows are not: learn little, and let the worst fitted rows of a batch teach nothing.
    "contaminated": _Defaults(3e-3, 800, learning_rate_decay="cosine", dropout=0.5, trim=0.2),
    # The service of 2017.
    "classic": _Defaults(
        1e-2, 1500, activation="sigmoid", output_activation="sigmoid", numeric_scaling="minmax", penalty="squared"
    ),
}


def resolve_recipe(params: AutoencoderParams, feeder: TabularFeederParams, *, rows: int) -> Recipe:
    """Return the settings for a training on so many rows; an explicit value always wins over the recipe's.

    The recipes' defaults were chosen on half of the sets of `bench quality` and checked on the others. They say a
    number of steps rather than of epochs, since tables differ in length: epochs = ⌈steps · batch_size / rows⌉, at
    least 1.
    """
    name = params.recipe
    if name == "auto":
        name = "clean" if feeder.train_on == "normal" else "contaminated"
    defaults = _DEFAULTS[name]
    batch_size = min(params.batch_size, rows)
    return Recipe(
        recipe=name,
        numeric_scaling=feeder.numeric_scaling or defaults.numeric_scaling,
        hidden=params.hidden,
        activation=params.activation or defaults.activation,
        output_activation=defaults.output_activation,
        batch_size=batch_size,
        epochs=params.epochs or math.ceil(defaults.steps * batch_size / rows),
        learning_rate=_given(params.learning_rate, defaults.learning_rate),
        learning_rate_decay=defaults.learning_rate_decay,
        dropout=_given(params.dropout, defaults.dropout),
        noise=_given(params.noise, defaults.noise),
        trim=_given(params.trim, defaults.trim),
        penalty=params.penalty or defaults.penalty,
        early_stopping=params.early_stopping,
        seed=params.seed,
    )


def _given(value: float | None, default: float) -> float:
    return default if value is None else value
