"""Checkpoints of a run: networks, both optimisers and the step, the newest few kept."""

import errno
import re
import shutil
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ccfpse_tf.errors import Diverged, InputError

PREFIX = "ckpt"
OPTIMIZERS = ("generator_optimizer", "discriminator_optimizer")


class CheckpointStore:
    """Saves and restores a model in one folder.

    Checkpoints are named by step (``ckpt-1000.index`` and ``ckpt-1000.data-...``) and
    written aside first, so an interrupted or failed save leaves the ones before intact.
    They hold the same in every precision, but for the loss scales of float16: these are
    dropped, or start anew, where a checkpoint meets a model of another precision.

    Args:
        model: a compiled :class:`ccfpse_tf.gan.CCFPSE`.
        directory: the run's ``checkpoints`` folder.
        keep: how many checkpoints stay, the newest ones.
    """

    def __init__(self, model: keras.Model, directory: Path, keep: int = 3):
        self.model = model
        self.directory = Path(directory)
        self._scales = _loss_scales(model)
        self._checkpoint = self._contents(self._scales)
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, str(directory), keep, checkpoint_name=PREFIX
        )

    def _contents(self, loss_scales):
        model = self.model
        optimizers = {name: _adam(getattr(model, name)) for name in OPTIMIZERS}
        return tf.train.Checkpoint(
            model=_named(model.weights),
            **{name: _named(adam.variables) for name, adam in optimizers.items()},
            **({"loss_scales": loss_scales} if loss_scales else {}),
        )

    @property
    def step(self) -> int:
        """Steps that the model has been trained for."""
        return int(tf.convert_to_tensor(self.model.steps))

    def save(self) -> Path:
        """Writes a checkpoint of the present step and drops the oldest above ``keep``.

        Raises:
            Diverged: weights that are not finite; nothing is written or dropped.
            OSError: a full disk; the older checkpoints are all there.
        """
        self._refuse_non_finite()
        path = self.directory / f"{PREFIX}-{self.step}"
        try:
            self._manager.save(checkpoint_number=self.step)
        except (tf.errors.OpError, OSError) as error:
            shutil.rmtree(f"{path}_temp", ignore_errors=True)
            if "space" in str(error).lower() or "quota" in str(error).lower():
                message = "No space left on device"
                raise OSError(errno.ENOSPC, message, str(path)) from error
            raise
        return path

    def restore(self, path: Path | None = None) -> int:
        """Restores ``path``, or the newest checkpoint, and returns its step.

        Returns 0 and restores nothing where there is no checkpoint yet.

        Raises:
            InputError: a checkpoint that is damaged or of another model.
        """
        path = path or latest(self.directory)
        if path is None:
            return 0
        try:
            status = self._fitting(path).restore(str(path)).expect_partial()
            status.assert_consumed()
        except (tf.errors.OpError, ValueError, AssertionError, OSError) as error:
            raise InputError(_unreadable(path, error)) from error
        return self.step

    def _fitting(self, path):
        """What to restore of a checkpoint that may be of another precision."""
        names = [name for name, _ in tf.train.list_variables(str(path))]
        saved = {
            name.split("/")[1]: tf.Variable(tf.train.load_variable(str(path), name))
            for name in names
            if name.startswith("loss_scales/")
        }
        if saved.keys() == self._scales.keys():
            return self._checkpoint
        return self._contents(saved)

    def _refuse_non_finite(self):
        for variable in self.model.weights:
            value = tf.convert_to_tensor(variable).numpy()
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                raise Diverged(
                    non_finite_message(
                        f"step {self.step}: the weights {variable.path} are not finite",
                        self.directory,
                    )
                )


def _adam(optimizer):
    """The optimiser itself, without a loss scale around it."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def _loss_scales(model) -> dict[str, tf.Variable]:
    """The variables of the optimisers' loss scales, empty where there are none."""
    return {
        f"{name}_{scale}": getattr(getattr(model, name), scale).value
        for name in OPTIMIZERS
        for scale in ("dynamic_scale", "step_counter")
        if _adam(getattr(model, name)) is not getattr(model, name)
    }


def _named(variables) -> dict[str, tf.Variable]:
    """Keys a list of Keras variables by place and path.

    ``tf.train.Checkpoint(model=model)`` would leave out every layer that Keras 3 holds
    in a list. Paths alone will not do either: Keras numbers them by process.
    """
    return {
        f"{index:04}.{re.sub(r'_[0-9]+(?=[_/]|$)', '', variable.path)}": variable.value
        for index, variable in enumerate(variables)
    }


def steps_saved(directory: Path) -> list[int]:
    """Returns the steps of the complete checkpoints in ``directory``, ascending."""
    steps = []
    for index in Path(directory).glob(f"{PREFIX}-*.index"):
        match = re.fullmatch(rf"{PREFIX}-(\d+)", index.stem)
        if match and any(index.parent.glob(index.stem + ".data-*")):
            steps.append(int(match[1]))
    return sorted(steps)


def latest(directory: Path) -> Path | None:
    """Returns the newest checkpoint's path without ending, or None."""
    steps = steps_saved(directory)
    return Path(directory) / f"{PREFIX}-{steps[-1]}" if steps else None


def require_checkpoint(run) -> Path:
    """Returns the newest checkpoint of a :class:`ccfpse_tf.runs.Run`.

    Raises:
        InputError: the run has none yet.
    """
    path = latest(run.checkpoints)
    if path is None:
        raise InputError(
            f"{run.checkpoints} holds no checkpoint yet: train the run first, with "
            f"train --run {run.directory}"
        )
    return path


def non_finite_message(what: str, directory: Path) -> str:
    """Returns the error text for a training that has diverged.

    Args:
        what: the step and the values found.
        directory: the run's checkpoint folder.
    """
    last = latest(directory)
    kept = f"the last good checkpoint is {last}" if last else "no checkpoint was saved"
    return (
        f"{what}: training has diverged and was stopped; {kept}.\n"
        "Start another run (--run) with lower rates, such as "
        "--set optimizers.generator_lr=5e-5 optimizers.discriminator_lr=2e-4, "
        "and make sure that the images are not all of one colour."
    )


def _unreadable(path: Path, error: Exception) -> str:
    path = Path(path)
    older = [n for n in steps_saved(path.parent) if f"{PREFIX}-{n}" != path.name]
    way_out = (
        f"delete {path.name}.* to go on from step {older[-1]}"
        if older
        else "it is the only checkpoint: start another run (--run)"
    )
    reason = str(error).strip().splitlines()[0][:300]
    return f"{path}: the checkpoint cannot be restored ({reason}); {way_out}"
