"""Parameters of GraphBEAN: from interactions to a graph, the network, its training and the planted anomalies."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, WithJsonSchema, field_validator, model_validator
from pydantic_core import PydanticCustomError

from algorithms.params import ColumnName, ColumnNames, Params, Share

WIDEST, MOST_LAYERS = 4096, 16
EPOCHS, COOLED_AT = 200, 165
Width = Annotated[int, Field(ge=1, le=WIDEST)]
_LATENT = TypeAdapter(tuple[Width, Width])
_WIDTH_SCHEMA = {"type": "integer", "minimum": 1, "maximum": WIDEST}
_LATENT_SCHEMA = {"anyOf": [_WIDTH_SCHEMA, {"type": "array", "items": _WIDTH_SCHEMA, "minItems": 2, "maxItems": 2}]}
Range = tuple[Annotated[int, Field(ge=1, le=100_000)], Annotated[int, Field(ge=1, le=100_000)]]
Weight = Annotated[float, Field(ge=0, le=1e6)]


class GraphFeederParams(Params):
    """Nodes `feed_train` and `feed_test`: which columns make the graph, and what is counted and summed."""

    u_column: ColumnName | None = Field(None, description="ids of one kind of node, such as buyers; required to train")
    v_column: ColumnName | None = Field(None, description="ids of the other kind, such as sellers; required to train")
    label_column: ColumnName | None = Field(
        None,
        description="0/1 or two values, the anomaly being 1 or the rarer; for metrics, lifted to nodes and edges by"
        " its share; never fed to the model",
    )
    label_share: float = Field(
        0.5, gt=0, le=1, description="a node or edge is an anomaly when at least this share of its rows is"
    )
    count_distinct: ColumnNames = Field(
        (), description="id columns whose distinct values are counted per node and pair; without any, rows are counted"
    )
    numeric_columns: ColumnNames = Field((), description="columns whose sum and mean are taken per node and pair")
    encode_column: ColumnNames = Field(
        (), description="categorical columns: the share of each kept category per node and pair"
    )
    vocab_size: int = Field(
        10, ge=1, le=100_000, description="most frequent categories kept per column; the others share one slot"
    )
    preprocess: Literal["frame"] = Field("frame", description="kept for old clients")

    @model_validator(mode="after")
    def columns_do_not_contradict(self) -> Self:
        if self.u_column is not None and self.u_column == self.v_column:
            raise ValueError(f"u_column and v_column are both '{self.u_column}': name two different columns")
        for name in ("count_distinct", "numeric_columns", "encode_column"):
            columns = getattr(self, name)
            twice = sorted({c for c in columns if columns.count(c) > 1})
            if twice:
                raise ValueError(f"{name} names {', '.join(twice)} more than once")
            both = [column for column in columns if column in (self.u_column, self.v_column)]
            if both:
                raise ValueError(f"{name} names {both[0]}, which is u_column or v_column: partners are always counted")
            if self.label_column is not None and self.label_column in columns:
                raise ValueError(f"label_column '{self.label_column}' cannot also be in {name}")
        if self.label_column is not None and self.label_column in (self.u_column, self.v_column):
            raise ValueError(f"label_column '{self.label_column}' is also u_column or v_column")
        return self


class InjectionParams(Params):
    """Anomalies planted into a copy of the graph, as in the article's experiments; weights are relative."""

    num_group: int = Field(20, ge=1, le=10_000, description="groups of anomalous nodes")
    num_nodes_range: Range = Field((1, 20), description="fewest and most u nodes of a group")
    num_nodes_range2: Range | None = Field(None, description="the same for v; default: that of u")
    block_weights: tuple[Weight, Weight] = Field((0.2, 0.8), description="full dense block, partial dense block")
    feature_weights: tuple[Weight, Weight, Weight] = Field(
        (0.5, 0.4, 0.1), description="attributes outside the confidence interval, scaled Gaussian noise, none"
    )
    target_weights: tuple[Weight, Weight, Weight] = Field(
        (0.1, 0.3, 0.6), description="attributes of nodes only, of edges only, of both"
    )
    seed: int | None = Field(None, ge=0, lt=2**31, description="default: the network's seed")

    @model_validator(mode="after")
    def ranges_rise_and_weights_are_not_all_zero(self) -> Self:
        for name in ("num_nodes_range", "num_nodes_range2"):
            given = getattr(self, name)
            if given is not None and given[0] > given[1]:
                raise ValueError(f"{name}: the first number is the fewest, {given[0]} is more than {given[1]}")
        for name in ("block_weights", "feature_weights", "target_weights"):
            if not sum(getattr(self, name)) > 0:
                raise ValueError(f"{name}: at least one weight must be above 0")
        return self


class GraphBEANParams(Params):
    """Node `netconf_node`: the network and its training, with the names of the paper's code."""

    hidden_channels: Width = Field(32, description="width of the hidden layers, for u, v and edges")
    latent_channels: Annotated[tuple[Width, Width], WithJsonSchema(_LATENT_SCHEMA)] = Field(
        (32, 32), description="width of the latent layer, one number or [u, v]"
    )
    edge_pred_latent: Width = Field(32, description="width of the structure decoder")
    n_layers_encoder: int = Field(2, ge=1, le=MOST_LAYERS)
    n_layers_decoder: int = Field(2, ge=1, le=MOST_LAYERS)
    n_layers_mlp: int = Field(2, ge=1, le=MOST_LAYERS, description="layers of the structure decoder")
    dropout_prob: float = Field(0.0, ge=0, lt=1, description="dropout after every hidden layer")
    learning_rate: float = Field(0.01, gt=0, le=10, description="of Adam")
    epochs: int = Field(EPOCHS, alias="iter", ge=1, le=1_000_000)
    milestones: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(
        None,
        max_length=100,
        description="epochs after which the learning rate is multiplied by gamma; default: once, after 165 of 200"
        " or that share of more or fewer; []: never",
    )
    gamma: float = Field(0.2, gt=0, le=1)
    neg_sampler_mult: int = Field(5, ge=1, le=100, description="sampled non-edges for each edge")
    xe_loss_weight: float = Field(1.0, ge=0, le=1e6, description="weight of the edge attributes' error")
    structure_loss_weight: float = Field(0.2, ge=0, le=1e6, description="eta: weight of the structure cross-entropy")
    structure_score_weight: float | None = Field(
        None,
        ge=0,
        le=1e6,
        description="weight of a pair's surprise in its score; default: half of structure_loss_weight",
    )
    score_agg: Literal["max", "mean", "sum"] = Field("max", description="how its edges' scores add to a node's")
    scoring: Literal["reconstruction", "collective"] = Field(
        "reconstruction", description="the paper's scores, or those for dense blocks of colluding users and items"
    )
    log_degree: bool = Field(False, description="append the logarithm of the degree to the nodes' attributes")
    training: Literal["full", "sampled"] = Field(
        "full", description="the whole graph in every step, or sampled neighbourhoods, with memory bounded by the batch"
    )
    batch_size: int = Field(4096, ge=1, le=10_000_000, description="seed edges a step, for sampled training")
    num_neighbors_u: tuple[Annotated[int, Field(ge=1, le=10_000)], ...] = Field(
        (10,), min_length=1, max_length=MOST_LAYERS, description="edges sampled at each u, hop by hop"
    )
    num_neighbors_v: tuple[Annotated[int, Field(ge=1, le=10_000)], ...] = Field(
        (10,), min_length=1, max_length=MOST_LAYERS, description="edges sampled at each v, hop by hop"
    )
    inject_anomalies: InjectionParams | None = Field(
        None, description="train and evaluate on a copy of the graph with planted anomalies, as in the article"
    )
    seed: int = Field(0, ge=0, lt=2**31)
    contamination: Share = Field(0.05, description="share of the nodes, and of the edges, above the threshold")
    threshold: float | None = Field(
        None, ge=0, description="edges that score higher are anomalies; default: from the data, as always for nodes"
    )

    @field_validator("latent_channels", mode="before")
    @classmethod
    def one_width_is_both(cls, value: Any) -> tuple[int, int]:
        widths = value if isinstance(value, list | tuple) else [value, value]
        try:
            # True would be taken for 1, None never is.
            return _LATENT.validate_python([None if isinstance(width, bool) else width for width in widths])
        except ValidationError:
            why = f"give one width or [u, v], each a whole number from 1 to {WIDEST}"
            raise PydanticCustomError("width", why) from None

    @field_validator("num_neighbors_u", "num_neighbors_v", mode="before")
    @classmethod
    def one_number_is_one_hop(cls, value: Any) -> Any:
        return value if isinstance(value, list | tuple) else (value,)

    @model_validator(mode="after")
    def settings_do_not_contradict(self) -> Self:
        if self.threshold is not None and "contamination" in self.model_fields_set:
            raise ValueError("`threshold` and `contamination` contradict each other: give one of them")
        if self.scoring == "collective" and "score_agg" in self.model_fields_set:
            raise ValueError("score_agg belongs to scoring 'reconstruction': collective always takes the largest edge")
        if self.scoring == "collective" and "log_degree" in self.model_fields_set and not self.log_degree:
            raise ValueError("scoring 'collective' always has the log degree: leave log_degree out")
        if self.scoring == "collective" and self.structure_score_weight is not None:
            raise ValueError("structure_score_weight belongs to scoring 'reconstruction': collective has no surprise")
        if self.milestones is not None and list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError("milestones must rise")
        if len(self.num_neighbors_u) != len(self.num_neighbors_v):
            raise ValueError("num_neighbors_u and num_neighbors_v must have as many hops as each other")
        if self.training == "full" and {"batch_size", "num_neighbors_u", "num_neighbors_v"} & self.model_fields_set:
            raise ValueError("batch_size and num_neighbors belong to training 'sampled': set it, or leave them out")
        return self

    def learning_rate_steps(self) -> tuple[int, ...]:
        """Return the epochs after which the learning rate falls."""
        return (COOLED_AT * self.epochs // EPOCHS,) if self.milestones is None else self.milestones

    def surprise_weight(self) -> float:
        """Return the weight of a pair's surprise in its score."""
        return self.structure_loss_weight / 2 if self.structure_score_weight is None else self.structure_score_weight

    def stored(self) -> dict[str, Any]:
        """Return all values as JSON types but those that the others leave without a say; they can be read again."""
        stored = super().stored()
        if self.threshold is not None:
            del stored["contamination"]
        if self.scoring == "collective":
            del stored["score_agg"], stored["log_degree"], stored["structure_score_weight"]
        if self.training == "full":
            for name in ("batch_size", "num_neighbors_u", "num_neighbors_v"):
                del stored[name]
        return stored
