"""Parameters of the feeder: which columns of a table a detector sees, and how they become numbers."""

from typing import Literal, Self

from pydantic import Field, model_validator

from algorithms.params import ColumnName, ColumnNames, Params, SomeColumnNames


class TabularFeederParams(Params):
    """Nodes `feed_train` and `feed_test`: which columns are used, and how they become numbers."""

    encode_column: SomeColumnNames | None = Field(
        None, description="columns used; default: all but the label and the excluded ones"
    )
    exclude_column: ColumnNames = Field((), description="columns never used, such as row ids")
    label_column: ColumnName | None = Field(
        None, description="0/1 or two values, the anomaly being 1 or the rarer; for metrics, never fed to the model"
    )
    categorical_column: ColumnNames = Field((), description="numeric codes to treat as categories")
    vocab_size: int = Field(
        10, ge=1, le=100_000, description="most frequent categories kept per column; the others share one slot"
    )
    embed_type: Literal["onehot"] = "onehot"
    preprocess: Literal["frame"] = Field("frame", description="kept for old clients")
    numeric_scaling: Literal["asinh", "standard", "minmax", "none"] | None = Field(
        None, description="asinh: standardised z, then 3·asinh(z/3); default: by recipe (classic: minmax, else asinh)"
    )
    missing: Literal["median", "mean", "zero"] = Field("median", description="what an empty numeric cell becomes")
    train_on: Literal["all", "normal"] = Field("all", description="normal: train on rows labelled normal only")

    @model_validator(mode="after")
    def columns_do_not_contradict(self) -> Self:
        for name in ("encode_column", "exclude_column", "categorical_column"):
            columns = getattr(self, name) or ()
            twice = sorted({c for c in columns if columns.count(c) > 1})
            if twice:
                raise ValueError(f"{name} names {', '.join(twice)} more than once")
        both = sorted(set(self.encode_column or ()) & set(self.exclude_column))
        if both:
            raise ValueError(f"encode_column and exclude_column both name {', '.join(both)}")
        if self.label_column is not None and self.label_column in (self.encode_column or ()):
            raise ValueError(f"label_column '{self.label_column}' cannot also be in encode_column")
        if self.train_on == "normal" and self.label_column is None:
            raise ValueError("train_on 'normal' needs label_column")
        return self
