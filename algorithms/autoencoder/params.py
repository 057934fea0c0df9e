"""Parameters of the tabular autoencoder: the network and its training."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, WithJsonSchema, field_validator, model_validator
from pydantic_core import PydanticCustomError

from algorithms.params import Params, Share
from algorithms.penalties import Penalty

WIDEST, MOST_LAYERS = 16_384, 16
Width = Annotated[int, Field(ge=1, le=WIDEST)]
_WIDTHS = TypeAdapter(tuple[Width, ...])
_WIDTH_SCHEMA = {"type": "integer", "minimum": 1, "maximum": WIDEST}
_WIDTHS_SCHEMA = {
    "anyOf": [_WIDTH_SCHEMA, {"type": "array", "items": _WIDTH_SCHEMA, "minItems": 1, "maxItems": MOST_LAYERS}]
}


class AutoencoderParams(Params):
    """Node `netconf_node`: the dense autoencoder and its training. None means: as the recipe says."""

    hidden: Annotated[tuple[Width, ...], WithJsonSchema(_WIDTHS_SCHEMA)] = Field(
        (200, 100),
        alias="n_hidden",
        min_length=1,
        max_length=MOST_LAYERS,
        description="the encoder's widths, one number or a list; the decoder mirrors them",
    )
    epochs: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        None, alias="iter", description="default: as many as the recipe's number of steps takes, at least 1"
    )
    batch_size: int = Field(128, ge=1, le=1_000_000, description="rows a step")
    learning_rate: Annotated[float, Field(gt=0, le=10)] | None = Field(None, description="of Adam; default by recipe")
    examples_to_show: int = Field(10, ge=0, le=1000, description="rows kept with their reconstruction in the result")
    recipe: Literal["auto", "clean", "contaminated", "classic"] = Field(
        "auto", description="defaults for clean or contaminated training data; auto: clean when train_on is normal"
    )
    activation: Literal["relu", "elu", "gelu", "tanh", "sigmoid"] | None = Field(
        None, description="of the hidden layers; default relu (classic: sigmoid)"
    )
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = Field(None, description="after every hidden layer")
    noise: Annotated[float, Field(ge=0, le=100)] | None = Field(
        None,
        description="largest sigma of the noise on numeric inputs while training, in their unit once scaled; 0: none",
    )
    trim: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None, description="share of each batch's highest-loss rows left out of the loss"
    )
    penalty: Penalty | None = Field(
        None,
        description="what the squared error e of a column counts in a score: squared e, log log(1 + e), so that one"
        " column that is far off does not outweigh all others; default log (classic: squared)",
    )
    seed: int = Field(0, ge=0, lt=2**31)
    validation_split: float = Field(0.1, ge=0, le=0.9, description="share of training rows held out for the threshold")
    early_stopping: bool = Field(False, description="stop when the held-out loss no longer falls, keep the best epoch")
    contamination: Share = Field(0.05, description="share of held-out rows above the threshold")
    threshold: float | None = Field(
        None, ge=0, description="rows that score higher are anomalies; default: from the data"
    )

    @field_validator("hidden", mode="before")
    @classmethod
    def one_number_is_a_list_of_one(cls, value: Any) -> tuple[int, ...]:
        """Return the widths; said once for all of them, where pydantic would say it of a tuple and of each number."""
        widths = value if isinstance(value, list | tuple) else [value]
        if not 1 <= len(widths) <= MOST_LAYERS:
            raise PydanticCustomError("layers", f"give 1 to {MOST_LAYERS} widths")
        try:
            # True would be taken for 1, None never is.
            return _WIDTHS.validate_python([None if isinstance(width, bool) else width for width in widths])
        except ValidationError:
            why = f"every width must be a whole number from 1 to {WIDEST}"
            raise PydanticCustomError("width", why) from None

    @model_validator(mode="after")
    def one_threshold_rule(self) -> Self:
        if self.threshold is not None and "contamination" in self.model_fields_set:
            raise ValueError("`threshold` and `contamination` contradict each other: give one of them")
        return self

    @model_validator(mode="after")
    def early_stopping_has_rows_to_watch(self) -> Self:
        if self.early_stopping and self.validation_split == 0:
            raise ValueError("early_stopping needs a validation_split above 0")
        return self

    def stored(self) -> dict[str, Any]:
        """Return all values as JSON types; `contamination`, which a `threshold` leaves without a say, only without one.

        What was stored can therefore be read again.
        """
        stored = super().stored()
        if self.threshold is not None:
            del stored["contamination"]
        return stored
