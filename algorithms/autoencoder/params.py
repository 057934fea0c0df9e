"""Parameters of the tabular autoencoder: the network and its training."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from algorithms.params import Params, Share

Width = Annotated[int, Field(ge=1, le=16_384)]


class AutoencoderParams(Params):
    """Node `netconf_node`: the dense autoencoder and its training. None means: as the recipe says."""

    hidden: tuple[Width, ...] = Field(
        (200, 100),
        alias="n_hidden",
        min_length=1,
        max_length=16,
        description="the encoder's widths, one number or a list; the decoder mirrors them",
    )
    epochs: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        None, alias="iter", description="default: chosen from the rows so that the recipe's number of steps is made"
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
        None, description="largest sigma of the noise on numeric inputs while training, in standard deviations; 0: none"
    )
    trim: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None, description="share of each batch's highest-loss rows left out of the loss"
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
    def one_number_is_a_list_of_one(cls, value: Any) -> Any:
        return (value,) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def early_stopping_has_rows_to_watch(self) -> Self:
        if self.early_stopping and self.validation_split == 0:
            raise ValueError("early_stopping needs a validation_split above 0")
        return self
