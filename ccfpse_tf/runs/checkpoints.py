"""Checkpoints of a run: everything that the next step depends on.

A checkpoint is a folder, ``ckpt-1000``, that is written under a hidden name, flushed to
the disk and renamed: under its own name it is always whole, whenever the process was
killed. Later damage by the disk is found by the sizes in ``checkpoint.json`` and by
TensorFlow's checksum of every tensor.
"""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ccfpse_tf.config import Config
from ccfpse_tf.errors import Diverged, InputError
from ccfpse_tf.files.atomic import new_folder
from ccfpse_tf.runs.checkpoint_contents import (
    NETWORKS,
    check_networks,
    contents,
    prefix_of,
    saved_scales,
)
from ccfpse_tf.runs.checkpoint_folder import (
    BEST,
    FACTS,
    PREFIX,
    best,
    check_sizes,
    diverged_message,
    newest_first,
    read_facts,
    steps_saved,
)
from ccfpse_tf.runs.run_folder import network_settings


class CheckpointStore:
    """Saves and restores a model in one folder.

    Checkpoints hold what the model offers: all weights (networks, averaged generator,
    batch statistics, spectral vectors, the step) and both optimisers. Data position,
    learning rates and noise follow from the step. They hold the same in every
    precision, but for the loss scales of float16: these are dropped, or start anew,
    where a checkpoint meets a model of another precision.

    Args:
        model: a :class:`ccfpse_tf.gan.ccfpse.CCFPSE`, or another model with ``steps``,
            ``checkpoint_variables()`` and ``loss_scales()``; not compiled, if it is to
            draw only.
        directory: the run's ``checkpoints`` folder.
        keep: the number of newest checkpoints that stay.
        say: called with a sentence when a damaged checkpoint is passed over.
        config: of the run. Checkpoints keep what shapes their networks, so that those
            of other networks can be told.
    """

    def __init__(
        self,
        model: keras.Model,
        directory: Path,
        keep: int = 3,
        say: Callable[[str], None] = print,
        config: Config | None = None,
    ):
        self.model = model
        self.directory = Path(directory)
        self.keep = keep
        self.say = say
        self.config = config
        self._scales = {
            name: variable.value for name, variable in model.loss_scales().items()
        }
        self._contents = contents(model, self._scales)
        self._saved = None

    @property
    def step(self) -> int:
        """Steps that the model has been trained for."""
        return int(tf.convert_to_tensor(self.model.steps))

    def save(self, metric: tuple[str, float] | None = None) -> Path:
        """Writes a checkpoint of the present step and drops the oldest above ``keep``.

        Args:
            metric: name and value (less is better) of a measurement at this step.
                The best checkpoint by it is kept in ``best/``, however old.

        Raises:
            Diverged: weights that are not finite; nothing is written or dropped.
            OSError: a full disk; the older checkpoints are all there.
        """
        path = self.directory / f"{PREFIX}-{self.step}"
        if self._saved == path and path.is_dir():
            return path  # by another cadence, at this very step
        self._refuse_non_finite()
        facts = {"step": self.step}
        if self.config is not None:
            facts[NETWORKS] = network_settings(self.config)
        if metric:
            facts |= dict(zip(("metric", "value"), metric, strict=True))
        try:
            with new_folder(path, replace=True) as aside:
                self._write(aside, facts)
            self._keep_best(path)
        except (tf.errors.OpError, OSError) as error:
            raise _disk_error(error, path) from error
        self._saved = path
        for step in steps_saved(self.directory)[: -self.keep]:
            _remove(self.directory / f"{PREFIX}-{step}")
        return path

    def _write(self, aside, facts):
        self._contents.write(prefix_of(aside))
        sizes = {file.name: file.stat().st_size for file in sorted(aside.iterdir())}
        text = json.dumps(facts | {"bytes": sizes}, indent=2)
        (aside / FACTS).write_text(text + "\n", encoding="utf-8")

    def _keep_best(self, path):
        """Puts ``path`` into ``best/``, too, unless an earlier one there is better."""
        facts, before = read_facts(path), best(self.directory)
        if "metric" not in facts or path.name == (before and before["path"].name):
            return
        if before and before["metric"] == facts["metric"]:
            if before["value"] <= facts["value"]:
                return
        kept = self.directory / BEST / path.name
        with new_folder(kept, replace=True) as aside:
            # Hard links, where the file system has them, need no room of their own.
            shutil.copytree(
                path, aside, copy_function=_link_or_copy, dirs_exist_ok=True
            )
        for other in kept.parent.glob(f"{PREFIX}-*"):
            if other != kept:
                _remove(other)

    def restore(self, path: Path | None = None) -> int:
        """Restores ``path``, or the newest checkpoint that is not damaged.

        Returns:
            Its step; 0, and nothing is restored, if the folder lacks a checkpoint.

        Raises:
            InputError: ``path`` or every checkpoint is damaged, or one is of other
                networks.
        """
        paths = [Path(path)] if path else newest_first(self.directory)
        problems = []
        for candidate in paths:
            try:
                self._restore(candidate)
            except InputError:
                raise  # of other networks, and so are the older ones
            except (tf.errors.OpError, ValueError, AssertionError, OSError) as error:
                reason = str(error).strip().splitlines() or [type(error).__name__]
                problem = f"{candidate}: cannot be restored ({reason[0][:300]})"
                problems.append(problem)
                continue
            if problems:
                self.say("\n".join(problems))
                self.say(f"going on from the checkpoint before, step {self.step}")
            return self.step
        if problems:
            raise InputError("\n".join([*problems, _way_out(path)]))
        return 0

    def _restore(self, path):
        check_sizes(path)
        named = str(self.directory.parent / "config.json")
        check_networks(self.model, path, self.config, named)
        status = self._fitting(path).read(prefix_of(path)).expect_partial()
        status.assert_existing_objects_matched()

    def _fitting(self, path):
        """The contents as a checkpoint, maybe of another precision, holds them."""
        saved = saved_scales(path)
        if saved.keys() == self._scales.keys():
            return self._contents
        return contents(self.model, saved)

    def tidy(self) -> None:
        """Mends what a killed process has left: half-written folders, ``best/``.

        Only for the one process that writes here.
        """
        for folder in (self.directory, self.directory / BEST):
            for leftover in folder.glob(f".{PREFIX}-*"):
                shutil.rmtree(leftover, ignore_errors=True)
        for path in newest_first(self.directory):
            kept = best(self.directory)
            # Another metric's values do not compare: only `save` changes over to one.
            if not kept or kept["metric"] == read_facts(path).get("metric"):
                self._keep_best(path)

    def _refuse_non_finite(self):
        for variable in self.model.weights:
            value = tf.convert_to_tensor(variable).numpy()
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                raise Diverged(
                    diverged_message(
                        f"step {self.step}: the weights {variable.path} are not finite",
                        self.directory,
                    )
                )


class ReadOnlyCheckpoints:
    """A checkpoint store that leaves the saving to the chief worker.

    Args:
        store: the :class:`CheckpointStore` that does everything else.
    """

    def __init__(self, store: CheckpointStore):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    def save(self) -> Path:
        """Returns the folder that the chief writes to; writes nothing itself."""
        return self._store.directory


def _disk_error(error, path):
    """The error of TensorFlow's own file system as the one that Python has for it."""
    if isinstance(error, OSError):
        return OSError(error.errno, error.strerror, str(path))
    words = str(error).lower()
    for sign, number in (
        ("space", errno.ENOSPC),
        ("quota", errno.EDQUOT),
        ("file too large", errno.EFBIG),
        ("permission", errno.EACCES),
        ("read-only", errno.EROFS),
    ):
        if sign in words:
            return OSError(number, os.strerror(number), str(path))
    return error


def _way_out(path: Path | None) -> str:
    """The advice where a checkpoint that was asked for, or all, cannot be restored."""
    if path is None:
        return (
            "no other checkpoint is there: restore one from a backup, or start "
            "another run (--run)"
        )
    others = [other for other in newest_first(path.parent) if other != path]
    before = f", or remove this folder to use {others[0].name}" if others else ""
    return f"restore it from a backup{before}"


def _remove(path: Path) -> None:
    """Removes a checkpoint such that it is never there in part."""
    aside = path.with_name(f".{path.name}.old")
    shutil.rmtree(aside, ignore_errors=True)
    os.rename(path, aside)
    shutil.rmtree(aside)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
