"""The job folder: how the service hands work to a child process.

The supervisor writes `job.json` (the model of the task below) into an empty folder and runs
`python -m algorithms TASK FOLDER`. The child answers with events on standard output (`algorithms.events`), logs on
standard error, and writes its files into the folder.

Events: `stage` (name), `progress` (percent, epoch, epochs, loss, rows_per_second, seconds_left, resumed_from_epoch),
`checkpoint` (epoch, folder in the job folder, which may be taken away), `notice` (message), then one of `finished`
(fields of the task) or `failed` (error, errors by field; `kind` "data" when the user can mend it, "memory" or "disk"
when there is too little of it, "internal" otherwise). A child that ends without either has crashed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

JOB_FILE = "job.json"
ARTIFACT_FOLDER = "artifact"
RESULT_FILE = "result.json"
"""In the artifact: what the training reports."""


class _Job(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def write(self, folder: Path) -> None:
        """Write `job.json` whole."""
        partial = folder / (JOB_FILE + ".part")
        partial.write_text(self.model_dump_json())
        partial.replace(folder / JOB_FILE)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read `job.json` of a folder."""
        return cls.model_validate_json((folder / JOB_FILE).read_text())


class FitJob(_Job):
    """Train a detector: tables in, `artifact/` out.

    `tables` maps a data node (`datasrc`, `evaldata`) to its Parquet files in order; parameters are stored forms.
    `memory_bytes` is what the child may use, None if nobody watches it: data that take more are streamed.
    At most every `checkpoint_seconds` (0: after every epoch) the state is kept in the folder; `resume` is such a folder
    of an earlier attempt at the same job.
    """

    workflow_type: str
    tables: Mapping[str, tuple[Path, ...]]
    parameters: Mapping[str, Mapping[str, Any]] = Field(description="by node; a node that is missing has its defaults")
    threads: int = 1
    memory_bytes: int | None = None
    checkpoint_seconds: float = Field(5.0, ge=0)
    resume: Path | None = None


class ConvertJob(_Job):
    """Convert one uploaded CSV file to typed Parquet; the columns `as_text` stay texts whatever they look like.

    `finished` carries rows, columns (name, type, missing), sha256 and size of the source, encoding, delimiter, notices.
    """

    source: Path
    parquet: Path
    encoding: str | None = None
    delimiter: str | None = None
    as_text: tuple[str, ...] = ()
    max_columns: int = 4096
    max_cell_bytes: int = 1_000_000


class ScoreJob(_Job):
    """Score the rows of one Parquet file by a trained model (`algorithms.bulk`).

    `keep` are the columns of `source` that `target` has beside the scores, None for all. `finished` carries rows and
    anomalies.
    """

    artifact: Path
    source: Path
    target: Path
    keep: tuple[str, ...] | None = None
    threads: int = 1


class ScoreFileJob(_Job):
    """Score the rows, or the interactions, of one file by a trained model: a file in, `artifact/` out.

    `encoding` and `delimiter` are those of a CSV file, None to have them found. `verdict` is {rule, value}: a rule of
    `algorithms.verdicts`, and its value, {"value": …} for rows, one of each part for a graph, None if each batch has a
    cut of its own. `keep` are the columns of the file that stand beside the scores.
    With `context` "training" known nodes of a graph keep the neighbourhood of `training_tables`. So many rows, evenly
    chosen, `sample_rows`, come back with their values.

    `finished` carries rows, anomalies, threshold and the name of the artifact folder.
    """

    artifact: Path
    workflow_type: str
    source: Path
    format: Literal["csv", "parquet"]
    encoding: str | None = None
    delimiter: str | None = None
    verdict: Mapping[str, Any]
    keep: tuple[str, ...] = ()
    context: Literal["none", "training"] = "none"
    training_tables: tuple[Path, ...] = ()
    sample_rows: int = Field(0, ge=0)
    threads: int = Field(1, ge=1)
    max_columns: int = 4096
    max_cell_bytes: int = 1_000_000
