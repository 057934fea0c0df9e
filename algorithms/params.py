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

RuleName = Literal["contamination", "fixed", "best_f1", "top_k", "fdr"]
NUMBER_OF_RULE: Mapping[str, str] = {
    "contamination": "contamination",
    "fixed": "threshold",
    "top_k": "top_k",
    "fdr": "fdr",
}
"""The parameter of eval_node that belongs to a threshold rule; best_f1 has none."""


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
    threshold_rule: RuleName | None = Field(
        None,
        description="how verdicts are made: `contamination`, a share of the held-out rows is above the threshold;"
        " fixed, `threshold` as given; best_f1, the best F1 on labelled rows; top_k, the `top_k` highest of each batch;"
        " fdr, at most a share `fdr` of what is flagged in a batch is false; default: by the number that is given,"
        " else contamination",
    )
    contamination: Share | None = Field(None, description="share of held-out rows above the threshold")
    threshold: float | None = Field(None, ge=0, description="rows that score higher are anomalies")
    top_k: int | None = Field(None, ge=1, description="anomalies in each batch: in a request, in a file")
    fdr: Share | None = Field(None, description="share of false alarms among the flagged; default of rule fdr: 0.1")

    @model_validator(mode="after")
    def one_rule_with_its_number(self) -> Self:
        given = [number for number in NUMBER_OF_RULE.values() if getattr(self, number) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(f'`{number}`' for number in given)} contradict each other: give one")
        own = None if self.threshold_rule is None else NUMBER_OF_RULE.get(self.threshold_rule)
        if self.threshold_rule is not None and given not in ([], [own]):
            raise ValueError(f"`{given[0]}` contradicts threshold_rule '{self.threshold_rule}': give one of them")
        if self.threshold_rule in ("fixed", "top_k") and not given:
            raise ValueError(f"threshold_rule '{self.threshold_rule}' needs `{own}`")
        return self
