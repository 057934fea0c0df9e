"""Checkpoints: what a training needs to go on where another attempt at it was cut off.

A checkpoint is a folder of the job folder, `checkpoint-EPOCH`: `state.json` and `arrays.npz`, no pickle. It appears
whole or not at all, and goes so; who supervises the job may take it away as soon as it is told of.
"""

import hashlib
import json
import logging
import os
import shutil
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.artifacts import library_versions, sync
from algorithms.events import EventStream
from algorithms.jobs import FitJob

FORMAT = 1
STATE_FILE, ARRAYS_FILE = "state.json", "arrays.npz"
PREFIX = "checkpoint-"
MOST_COST = 0.02
"""Share of a training's time that writing checkpoints may take; large networks are written less often."""
KEPT = 2
"""Checkpoints that are left for a supervisor who has not taken them yet."""

Arrays = Iterable[tuple[str, NDArray[Any]]]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training after an epoch: JSON values and arrays by name."""

    epoch: int
    state: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


class Checkpoints:
    """Where a training leaves its state now and then, and finds that of an earlier attempt.

    `made_for` tells what a checkpoint is good for: one of another training is refused. `seconds` is the shortest time
    between two checkpoints, 0 for one after every epoch. `on_saved` hears of each, `on_resumed` of the epoch that the
    training goes on after, `on_refused` why it does not.
    """

    def __init__(
        self,
        folder: Path,
        made_for: Callable[[], str],
        *,
        seconds: float = 5.0,
        resume: Path | None = None,
        on_saved: Callable[[Path, int], None] = lambda path, epoch: None,
        on_resumed: Callable[[int], None] = lambda epoch: None,
        on_refused: Callable[[str], None] = logger.warning,
    ) -> None:
        self._folder = folder
        self._made_for = made_for
        self._seconds = seconds
        self._resume = resume
        self._on_saved = on_saved
        self._on_resumed = on_resumed
        self._on_refused = on_refused
        self._next = time.monotonic() + seconds
        self._written: deque[Path] = deque()

    @cached_property
    def _key(self) -> str:
        return self._made_for()

    def resumed(self) -> Checkpoint | None:
        """Return the checkpoint of an earlier attempt at the same training; None if there is none that fits."""
        if self._resume is None:
            return None
        try:
            found = _read(self._resume, self._key)
        except _Refused as refused:
            self._on_refused(f"the training starts anew: its checkpoint {refused}")
            return None
        logger.info("the training goes on after epoch %d", found.epoch)
        self._on_resumed(found.epoch)
        return found

    def offer(self, epoch: int, state: Callable[[], tuple[Mapping[str, Any], Arrays]]) -> None:
        """Write a checkpoint if it is time for one. `state` is only asked for then; its arrays are taken one by one.

        One that cannot be written, for want of space above all, does not stop the training.
        """
        began = time.monotonic()
        if began < self._next:
            return
        target = self._folder / f"{PREFIX}{epoch}"
        try:
            made_for = self._key
            began = time.monotonic()  # the first time, all data were read for the key: no cost of a checkpoint
            values, arrays = state()
            _write(target, {"format": FORMAT, "made_for": made_for, "epoch": epoch, "state": values}, arrays)
        except OSError as error:
            logger.warning("no checkpoint after epoch %d: %s", epoch, error)
        else:
            self._written.append(target)
            self._on_saved(target, epoch)
        while len(self._written) > KEPT:
            _remove(self._written.popleft())
        ended = time.monotonic()
        if self._seconds:
            self._next = ended + max(self._seconds, (ended - began) / MOST_COST)


def checkpoints_of(job: FitJob, folder: Path, events: EventStream) -> Checkpoints:
    """Return the checkpoints of a training job; its supervisor hears of them."""

    def tell(path: Path, epoch: int) -> None:
        events.send("checkpoint", epoch=epoch, folder=path.name)

    def refuse(why: str) -> None:
        logger.warning("%s", why)
        events.send("notice", message=why)

    return Checkpoints(
        folder,
        lambda: _digest(job),
        seconds=job.checkpoint_seconds,
        resume=job.resume,
        on_saved=tell,
        on_resumed=lambda epoch: events.send("progress", epoch=epoch, resumed_from_epoch=epoch),
        on_refused=refuse,
    )


class _Refused(Exception):
    """A checkpoint cannot be used, and why."""


def _digest(job: FitJob) -> str:
    """Return a digest of all that the training depends on: parameters (the seed is one), data, library versions."""
    data = {node: [_digest_of_file(path) for path in paths] for node, paths in job.tables.items()}
    made_of = [job.workflow_type, job.model_dump(mode="json")["parameters"], data, library_versions()]
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()


def _digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(folder: Path, made_for: str) -> Checkpoint:
    try:
        stored = json.loads((folder / STATE_FILE).read_text())
        if stored["format"] != FORMAT:
            raise _Refused("is of another release")
        if stored["made_for"] != made_for:
            raise _Refused("is that of other parameters, other data or other versions of the libraries")
        with np.load(folder / ARRAYS_FILE, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        return Checkpoint(stored["epoch"], stored["state"], arrays)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise _Refused(f"cannot be read ({type(error).__name__}: {error})") from error


def _remove(checkpoint: Path) -> None:
    """Remove a checkpoint unless a supervisor has taken it: it goes whole, as it came."""
    gone = checkpoint.with_name(checkpoint.name + ".gone")
    with suppress(OSError):
        checkpoint.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _write(target: Path, stored: Mapping[str, Any], arrays: Arrays) -> None:
    partial = target.with_name(target.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        # As numpy's savez, but one array at a time: a network and its moments are not copied all at once.
        with (partial / ARRAYS_FILE).open("wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                for name, array in arrays:
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                        np.lib.format.write_array(entry, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        with (partial / STATE_FILE).open("w") as text:
            json.dump(stored, text, allow_nan=False)
            text.flush()
            os.fsync(text.fileno())
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
        sync(target.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
