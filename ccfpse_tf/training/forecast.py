"""What a training is about to take of memory and disk, said before it begins."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import tensorflow as tf

from ccfpse_tf.config import Config, derive
from ccfpse_tf.errors import InputError
from ccfpse_tf.runs.checkpoint_folder import bytes_below
from ccfpse_tf.runtime import machine
from ccfpse_tf.runtime.devices import gpus_are_open
from ccfpse_tf.runtime.duration import in_words
from ccfpse_tf.runtime.machine import size
from ccfpse_tf.runtime.peak_memory import memory_bytes
from ccfpse_tf.training.length import Length
from ccfpse_tf.training.rough_bound import rough_bound
from ccfpse_tf.training.step_costs import SECONDS, SHARE, Costs, Place, measure_steps

BATCHES = (1, 2)  # that are measured
LATE = f"not a single step was trained within {in_words(SECONDS)}"
SMALLEST_GPU = 2e9  # bytes: a step within them fits any GPU

Mode = Literal["check", "fit", "trust"]


def forecast_memory(
    config: Config,
    place: Place,
    mode: Mode = "check",
    teacher: Path | None = None,
    resumed: bool = False,
    say: Callable[[str], None] = print,
) -> Config:
    """Says what memory a training takes, before it opens any device.

    Where a rough bound shows that there is ample room, nothing is measured.

    Args:
        config: of the training, with records.
        place: its devices.
        mode: ``"check"`` refuses a batch that does not fit, ``"fit"`` lowers it,
            ``"trust"`` neither measures nor refuses.
        teacher: folder of the run that the generator learns from.
        resumed: whether the batch is that of a run, which keeps it.
        say: prints a line.

    Returns:
        The config, with a smaller ``data.batch_size`` where that was asked for.

    Raises:
        InputError: a batch that does not fit, with the largest that does; none that
            does; ``"fit"`` where nothing can be measured.
    """
    if mode == "trust":
        return config
    most, memory = rough_bound(config, place), machine.memory()
    if not place.gpus and memory is None:
        return _unmeasured(config, mode, "this system does not tell its memory", say)
    free = memory[1] if memory else 0
    limit = free + (memory_bytes("VmRSS") if memory else 0)  # ours is the training's
    if most <= (SMALLEST_GPU if place.gpus else SHARE * limit):
        room = "which any GPU has" if place.gpus else f"of {size(limit)} available"
        say(f"memory   less than {size(most)}, {room} (a rough bound, not measured)")
        return config
    if place.gpus and gpus_are_open():
        return _unmeasured(config, mode, "this process holds the GPUs already", say)
    per_device = -(-config.data.batch_size // place.total)
    batches = [images for images in BATCHES if images <= per_device]
    say(
        "memory   measuring a step in a process of its own: as long as the training's "
        f"first steps take, {in_words(SECONDS)} at most (--no-forecast leaves it out) "
        "..."
    )
    try:
        costs = measure_steps(config, place, batches, limit, int(SHARE * free), teacher)
    except InputError as error:
        return _unmeasured(config, mode, str(error), say)
    if costs.late:
        return _unmeasured(config, mode, LATE, say)
    fitting = costs.largest(per_device) * place.total
    if fitting < config.data.batch_size:
        if mode == "check" or not fitting:
            raise InputError(_refusal(config, costs, fitting, resumed))
        config = derive(config, data={"batch_size": fitting})
        say(f"batch    {fitting} images, the most that fit")
    _tell(config, costs, say)
    return config


def forecast_disk(
    model, config: Config, directory: Path, say: Callable[[str], None] = print
) -> None:
    """Says what the checkpoints of a training will take of the disk.

    Args:
        model: with ``checkpoint_variables()``.
        config: of the training.
        directory: the run folder, which need not be there.
        say: prints a line.

    Raises:
        InputError: more than there is room for.
    """
    free = machine.free_disk(directory)
    if free is None:
        return
    each = sum(
        math.prod(variable.shape) * tf.as_dtype(variable.dtype).size
        for variables in model.checkpoint_variables().values()
        for variable in variables
    )
    keep = config.schedule.keep
    there = bytes_below(directory / "checkpoints")
    # Beside those kept: the best one, and one that is being written.
    needed = (keep + 2) * each - there
    say(
        f"disk     {keep + 2} checkpoints of {size(each)} at most: the newest {keep}, "
        f"the best, one being written; {size(free)} are free"
    )
    if needed <= free:
        return
    fewer = (free + there) // each - 2 if each else 0
    way = f"set schedule.keep={fewer}, " if 0 < fewer < keep else ""
    raise InputError(
        f"{directory}: checkpoints will take {size(needed)} more, and the disk has "
        f"{size(free)} free; {way}free space, or name a folder on another disk by --run"
    )


def _unmeasured(config, mode, reason, say):
    if mode == "fit":
        raise InputError(
            f"--batch auto: nothing can be measured ({reason}); give --batch N"
        )
    say(f"memory   not measured, so not checked: {reason}")
    return config


def _tell(config, costs: Costs, say):
    images = config.data.batch_size // costs.place.total
    measured = [
        f"{size(most)} at {count} image{'s' if count > 1 else ''}"
        for count, most, _ in costs.points
        if count <= images
    ]
    more = ""
    if images > costs.points[-1][0]:
        more = f", at most {size(costs.per_image)} for each further one"
    each = " on each device" if costs.place.gpus and costs.place.total > 1 else ""
    say(
        f"memory   about {size(costs.bytes(images))} of {size(costs.limit)} "
        f"available{each} (measured: {', '.join(measured)}{more})"
    )
    length = Length.of(config)
    seconds = costs.seconds(images) * length.work(config.schedule.small_epochs)
    say(
        f"time     about {in_words(seconds)} for {length.total_steps} steps, "
        "by one measured step of few images; the first steps of the training tell more"
    )


def _refusal(config, costs: Costs, fitting, resumed):
    batch, (height, width) = config.data.batch_size, config.data.image_size
    per_device = -(-batch // costs.place.total)
    where = costs.device if costs.place.gpus else "machine"
    room = f"{size(costs.limit)} that this {where} has available, less a tenth"
    need = "more than"
    if not costs.too_much:
        need = f"about {size(costs.bytes(per_device))}, more than"
    narrower = f"--set generator.ngf={max(1, config.generator.ngf // 2)}"
    if not config.step.recompute_kernels:
        narrower = f"--set step.recompute_kernels=true, or {narrower}"
    if resumed:
        way = "the run keeps its batch: resume it where there is more memory"
    elif fitting:
        way = (
            f"give --batch {fitting} (or --set data.batch_size={fitting}), the largest "
            "that fits, which --batch auto takes"
        )
    else:
        way = f"not even one image fits: make the networks narrower by {narrower}"
    return (
        f"a training step of {batch} images of {height}x{width} needs {need} the "
        f"{room}; {way}. `train --no-forecast` leaves this check out"
    )
