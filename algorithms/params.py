"""Parameters, typed once: frozen pydantic models that refuse unknown names.

Fields carry the field-standard name and the old API's name as alias (`epochs`, `iter`); both are accepted, the alias is
stored and shown. Their JSON schemas feed validation, OpenAPI and forms.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from algorithms.encodings import codec_of

LONGEST_NAME = 500


def _column_names(value: Any) -> tuple[str, ...]:
    """Return a list of names; the messages are pydantic's no more, which speak of tuples and of one name at a time."""
    if isinstance(value, list | tuple) and all(isinstance(n, str) and 0 < len(n) <= LONGEST_NAME for n in value):
        return tuple(value)
    raise PydanticCustomError("column_names", "give a list of column names, each of 1 to 500 characters")


def _some_column_names(value: Any) -> tuple[str, ...]:
    names = _column_names(value)
    if not names:
        raise PydanticCustomError("no_column_names", "name at least one column, or leave it out to use all")
    return names


ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME)]
ColumnNames = Annotated[tuple[ColumnName, ...], BeforeValidator(_column_names)]
SomeColumnNames = Annotated[tuple[ColumnName, ...], Field(min_length=1), BeforeValidator(_some_column_names)]
Share = Annotated[float, Field(gt=0, le=0.5)]
NUMBER_OF_RULE = {"contamination": "contamination", "fixed": "threshold", "top_k": "top_k", "fdr": "fdr"}
"""Threshold rule → the parameter that is its number."""


class Params(BaseModel):
    """Base of every parameter set: frozen, complete, finite numbers only, unknown names are errors.

    A number may come as its text, as old clients send it; true and false are no numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def one_name_for_each(cls, given: Any) -> Any:
        if isinstance(given, Mapping):
            for name, field in cls.model_fields.items():
                if field.alias is not None and {name, field.alias} <= given.keys():
                    raise ValueError(f"`{field.alias}` and `{name}` are two names of one parameter: give one of them")
        return given

    @field_validator("*", mode="before")
    @classmethod
    def true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise PydanticCustomError("boolean", "true and false are not allowed here")
        return value

    def stored(self) -> dict[str, Any]:
        """Return all values as JSON types under the API's names."""
        return self.model_dump(mode="json", by_alias=True)


class DataSourceParams(Params):
    """Node `datasrc` or `evaldata`: how uploaded files are read."""

    type: Literal["csv"] = "csv"
    source_server: Literal["local"] = Field("local", description="files are uploaded to this service")
    source_sql: str = Field("all", max_length=1000, description="kept for old clients; every row is used")
    preprocess: Literal["none"] = Field("none", description="kept for old clients; the feeder prepares the columns")
    encoding: str | None = Field(
        None, max_length=40, description="a codec name such as cp949; default: UTF-8 when it fits, else CP949"
    )
    delimiter: Literal[",", ";", "\t", "|"] | None = Field(None, description="default: found in the header line")

    @field_validator("encoding")
    @classmethod
    def encoding_is_known(cls, value: str | None) -> str | None:
        if value is not None:
            codec_of(value)
        return value


class EvaluationParams(Params):
    """Node `eval_node`: overrides the label and the threshold rule of the other nodes."""

    type: str = Field("anomaly", max_length=40, description="kept for old clients")
    label_column: ColumnName | None = Field(None, description="0/1 or two values; default: the feeder's")
    threshold_rule: Literal["contamination", "fixed", "best_f1", "top_k", "fdr"] | None = Field(
        None,
        description="how the threshold is chosen: a share of the held-out rows, `threshold` as given, the best F1 on"
        " labelled rows, the `top_k` rows of each batch, or a false discovery rate `fdr` in each batch; default: that"
        " of the number given, else contamination",
    )
    contamination: Share | None = Field(None, description="share of held-out rows above the threshold")
    threshold: float | None = Field(None, ge=0, description="rows that score higher are anomalies")
    top_k: int | None = Field(None, ge=1, description="rows of each batch that are anomalies, those that score highest")
    fdr: Share | None = Field(
        None,
        description="expected share of rows that are none among the anomalies found in each batch, by conformal"
        " p-values from held-out rows; default with threshold_rule 'fdr': 0.1",
    )

    @model_validator(mode="after")
    def rule_has_its_value(self) -> Self:
        names = [name for name in ("threshold", "contamination", "top_k", "fdr") if getattr(self, name) is not None]
        rule = self.threshold_rule
        for needing in ("fixed", "top_k"):
            if rule == needing and getattr(self, NUMBER_OF_RULE[needing]) is None:
                raise ValueError(f"threshold_rule '{rule}' needs `{NUMBER_OF_RULE[needing]}`")
        if len(names) > 1 and (rule is None or NUMBER_OF_RULE.get(rule) in names):
            raise ValueError(f"`{names[0]}` and `{names[1]}` contradict each other: give one of them")
        if names and rule is not None and NUMBER_OF_RULE.get(rule) != names[0]:
            raise ValueError(f"`{names[0]}` contradicts threshold_rule '{rule}': give one of them")
        return self
