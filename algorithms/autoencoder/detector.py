"""The detector: a tabular autoencoder with PyOD's vocabulary, for notebooks and for the service's training job."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.artifacts import verify_artifact, write_artifact
from algorithms.autoencoder.backend import has_gpu, keras, use_threads
from algorithms.autoencoder.export import to_onnx
from algorithms.autoencoder.network import build_network, step_operations
from algorithms.autoencoder.params import AutoencoderParams
from algorithms.autoencoder.preparing import prepare
from algorithms.autoencoder.recipe import Recipe, resolve_recipe
from algorithms.autoencoder.split import Split, split_rows
from algorithms.autoencoder.spool import FileSpool
from algorithms.autoencoder.training import Epoch, Training, shards_for, train
from algorithms.checkpoints import Checkpoints
from algorithms.errors import DataError
from algorithms.labels import binary_labels
from algorithms.params import EvaluationParams
from algorithms.scorer import Scorer
from algorithms.tabular.encoder import TabularEncoder
from algorithms.tabular.features import Features
from algorithms.tabular.params import TabularFeederParams
from algorithms.tabular.source import TableSource
from algorithms.tabular.table import Table
from algorithms.tabular.wording import no_such_column
from algorithms.threshold import Threshold, ThresholdRule, choose_threshold

logger = logging.getLogger(__name__)

PARAMETERS_FILE, NETWORK_FILE = "parameters.json", "model.keras"

Labels = NDArray[np.int8]


@dataclass(frozen=True)
class Fitted:
    """What training made besides the scorer; `features` is the width of the network, seconds are by step.

    `in_files` tells that the rows which trained were too many for memory. The same seed gives the same weights again
    either way, but not the same both ways: the order of the rows differs.
    """

    network: keras.Model
    recipe: Recipe
    split: Split
    training: Training
    features: int
    in_files: bool
    notices: tuple[str, ...]
    seconds: dict[str, float]


class AutoencoderDetector:
    """Dense autoencoder on the columns of a table; rows that it reconstructs badly are anomalies.

    Every score, those of the training rows included, comes from the exported ONNX model, as the service's answers do.

    Attributes, after `fit`:
        decision_scores_: (N,) scores of the rows given to `fit`, the higher the more anomalous.
        contributions_: (N, columns) each column's part of the score, columns as in `columns_`.
        threshold_: a row that scores higher is an anomaly; from held-out rows by `contamination` unless fixed.
        labels_: (N,) 1 for the rows above the threshold.
        fitted_: network, resolved recipe, split, training history.

    A loaded detector scores as the saved one did, but has only `threshold_` and `columns_` of these.
    """

    decision_scores_: NDArray[np.float64]
    contributions_: NDArray[np.float32]
    fitted_: Fitted

    def __init__(
        self,
        params: AutoencoderParams | None = None,
        feeder: TabularFeederParams | None = None,
        *,
        threads: int = 1,
    ) -> None:
        self.params = params or AutoencoderParams()
        self.feeder = feeder or TabularFeederParams()
        self.threads = threads
        self._scorer: Scorer | None = None

    def fit(self, table: Any, labels: Any = None) -> Self:
        """Train on a `Table` or a pandas data frame of N rows, and score them.

        `labels` (N,), 1 for an anomaly, are only used to leave anomalies out when the feeder says `train_on` normal;
        by default they are those of its `label_column`.

        Raises:
            DataError: the data do not fit the parameters or each other, or the training diverged.
        """
        rows = _as_table(table)
        self.train(rows, labels)
        self.decision_scores_, self.contributions_ = self.scorer.score_table(rows)
        rule = ThresholdRule.resolve(
            EvaluationParams(), contamination=self.contamination, threshold=self.params.threshold
        )
        self.use_threshold(choose_threshold(rule, self.decision_scores_[self.fitted_.split.watched]))
        return self

    def train(
        self,
        source: TableSource,
        labels: Any = None,
        *,
        scored_later: Mapping[str, TableSource] | None = None,
        on_prepared: Callable[[], None] = lambda: None,
        on_epoch: Callable[[Epoch], None] = lambda epoch: None,
        memory_bytes: int | None = None,
        folder: Path | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        """Train, but score nothing: what `fit` does before it scores, for sources of any size.

        `scored_later` are sources, by name, that must fit the model: one that does not is refused before the training
        rather than after it. With `memory_bytes`, more rows than fit into a part of it wait in files within `folder`.
        With `checkpoints` it goes on where an earlier attempt was cut off, to the same scores.

        Raises:
            DataError: as `fit`.
        """
        clock = _Clock()
        split = split_rows(source.rows, self._labels(source, labels), self.params, self.feeder)
        recipe = resolve_recipe(self.params, self.feeder, rows=len(split.train))
        encoder = TabularEncoder.fit(source, self.feeder, scaling=recipe.numeric_scaling, rows=split.trains)
        for name, later in (scored_later or {}).items():
            encoder.refuse_misfits(later, name)
        layout = encoder.layout
        logger.info(
            "%d rows train, %d are held out; %d columns give %d features",
            len(split.train), len(split.held_out), len(encoder.columns), layout.width,
        )  # fmt: skip
        logger.info("settings: %s", json.dumps(recipe.to_dict()))
        clock.lap("statistics")
        with prepare(source, encoder, split, recipe, memory_bytes=memory_bytes, folder=folder) as prepared:
            clock.lap("encode")
            on_prepared()
            threads = 1 if has_gpu() else self.threads
            shards = shards_for(threads, step_operations(layout, recipe.hidden, recipe.batch_size))
            use_threads(shards)
            network = build_network(
                layout,
                recipe.hidden,
                activation=recipe.activation,
                output_activation=recipe.output_activation,
                dropout=recipe.dropout,
                seed=recipe.seed,
            )
            some = next(iter(prepared.spool.chunks(0)))
            unit = _noise_unit(some, recipe)
            training = train(
                network,
                layout,
                prepared.spool,
                prepared.held_out,
                unit,
                recipe,
                shards=shards,
                on_epoch=on_epoch,
                checkpoints=checkpoints,
            )
            clock.lap("train")
            clock.laps["setup"] = training.setup_seconds  # a part of "train"
            model = to_onnx(network, layout, some)
            clock.lap("export")
        self._scorer = Scorer(model, encoder, recipe.penalty, np.inf, threads=self.threads)
        notices = encoder.notices + split.notices
        in_files = isinstance(prepared.spool, FileSpool)
        self.fitted_ = Fitted(network, recipe, split, training, layout.width, in_files, notices, clock.laps)

    def decision_function(self, table: Any) -> NDArray[np.float64]:
        """Return the scores (N,) of a `Table` or data frame, the higher the more anomalous."""
        return self.scorer.score_table(_as_table(table))[0]

    def predict(self, table: Any) -> NDArray[np.int64]:
        """Return 1 for the rows (N,) that score above the threshold, 0 for the others."""
        return (self.decision_function(table) > self.threshold_).astype(np.int64)

    @property
    def contamination(self) -> float:
        """Share of the held-out rows above the threshold."""
        return self.params.contamination

    @property
    def threshold_(self) -> float:
        return self.scorer.threshold

    @property
    def labels_(self) -> NDArray[np.int64]:
        return (self.decision_scores_ > self.threshold_).astype(np.int64)

    @property
    def columns_(self) -> list[str]:
        """The columns the network sees, in the order of the contributions."""
        return self.scorer.columns

    @property
    def scorer(self) -> Scorer:
        """The serving path of the fitted detector."""
        if self._scorer is None:
            raise RuntimeError("this detector is not fitted yet: call fit, or load a saved one")
        return self._scorer

    def use_threshold(self, threshold: Threshold) -> None:
        """Take a threshold chosen by another rule, for example on labelled rows."""
        self.scorer.threshold = threshold.value

    def write(self, folder: Path) -> None:
        """Write the fitted detector into a folder that `write_artifact` gave."""
        self.scorer.save(folder)
        self.fitted_.network.save(folder / NETWORK_FILE)
        parameters = {"params": self.params.stored(), "feeder": self.feeder.stored()}
        (folder / PARAMETERS_FILE).write_text(json.dumps(parameters, indent=1))

    def save(self, folder: Path) -> None:
        """Write the fitted detector as a new artifact folder."""
        with write_artifact(folder) as partial:
            self.write(partial)

    @classmethod
    def load(cls, folder: Path, *, threads: int = 1) -> Self:
        """Return the detector that `save` wrote.

        Raises:
            ArtifactCorrupt: a file is missing or was changed.
            ArtifactIncompatible: it was written in a format of another release.
        """
        verify_artifact(folder, (PARAMETERS_FILE,))
        stored = json.loads((folder / PARAMETERS_FILE).read_text())
        detector = cls(
            AutoencoderParams.model_validate(stored["params"]),
            TabularFeederParams.model_validate(stored["feeder"]),
            threads=threads,
        )
        detector._scorer = Scorer.load(folder, threads)
        return detector

    def _labels(self, source: TableSource, labels: Any) -> Labels | None:
        if labels is not None:
            given = np.asarray(labels, dtype=np.int8)
            if given.shape != (source.rows,):
                raise ValueError(f"labels have shape {given.shape}; expected ({source.rows},), one for each row")
            return given
        name = self.feeder.label_column
        if self.feeder.train_on == "all" or name is None:
            return None
        if name not in source.columns:
            why = no_such_column([name], source.columns)
            raise DataError(f"label_column: {why}", {"label_column": [why]})
        return binary_labels(source.column(name), name)[0]


class _Clock:
    """Seconds between laps, by name."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = now - self._last
        self._last = now


def _noise_unit(features: Features, recipe: Recipe) -> NDArray[np.float32]:
    """Return what noise on each numeric feature (numbers,) is measured in, on rows that train.

    Standardised ones are told in standard deviations, which are 1, also where a squash has shrunk the measured one,
    and times of day and weekdays in the radius of their circle; others in their measured standard deviation.
    """
    if recipe.numeric_scaling in ("asinh", "standard"):
        return np.ones(features.numbers.shape[1], np.float32)
    deviations: NDArray[np.float32] = features.numbers.std(axis=0, dtype=np.float64).astype(np.float32)
    return deviations


def _as_table(table: Any) -> Table:
    return table if isinstance(table, Table) else Table.from_frame(table)
