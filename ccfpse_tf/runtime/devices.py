"""The devices of a training, from the option ``--devices``.

TensorFlow is imported inside the functions that open devices, so that errors of the
option itself are told before that.
"""

import dataclasses
import re

from ccfpse_tf.errors import InputError
from ccfpse_tf.runtime.startup import without_notices
from ccfpse_tf.runtime.tf_config import Workers

ALLOWED = "auto, cpu, cpu:N (N logical CPUs, for testing) or GPU numbers such as 0,2"


@dataclasses.dataclass(frozen=True)
class Devices:
    """The devices that ``--devices`` names.

    Args:
        gpus: numbers of GPUs; none for CPUs alone; None takes all there are.
        cpus: logical CPUs to train on; used without GPUs only.
    """

    gpus: tuple[int, ...] | None = None
    cpus: int = 1


def parse_devices(text: str) -> Devices:
    """Reads the option.

    Raises:
        InputError: anything else than ``auto``, ``cpu``, ``cpu:N`` or GPU numbers.
    """
    if text == "auto":
        return Devices()
    if text == "cpu":
        return Devices(gpus=())
    if re.fullmatch("cpu:0*[1-9][0-9]*", text):
        return Devices(gpus=(), cpus=int(text.removeprefix("cpu:")))
    if not re.fullmatch("[0-9]+(,[0-9]+)*", text):
        raise InputError(f"--devices {text}: choose {ALLOWED}")
    gpus = tuple(map(int, text.split(",")))
    twice = sorted({gpu for gpu in gpus if gpus.count(gpu) > 1})
    if twice:
        raise InputError(f"--devices {text}: GPU {twice[0]} is named twice")
    return Devices(gpus=gpus)


def open_strategy(devices: Devices, workers: Workers):
    """Opens the devices and returns the ``tf.distribute.Strategy`` over them.

    One device is TensorFlow's default strategy, several are mirrored, each with its
    share of the batch. Must come before anything else that TensorFlow computes in the
    process, unless the devices are those that TensorFlow opens by itself.

    Args:
        devices: the devices to use on this machine.
        workers: the processes of the training, see :mod:`ccfpse_tf.runtime.tf_config`.

    Raises:
        InputError: GPUs that do not exist, devices that are in use already, logical
            CPUs on several machines, workers that do not come together.
    """
    check_devices(devices, workers)
    import tensorflow as tf

    with without_notices():
        try:
            _configure(devices)
        except RuntimeError:  # "cannot be modified after being initialized"
            raise InputError(
                f"{_shown(devices)}: TensorFlow has opened its devices in this process "
                "already; train in a process of its own"
            ) from None
    if workers.several:
        return workers.connect()
    with without_notices():
        tf.zeros(())  # opens them
    gpus = len(tf.config.list_logical_devices("GPU"))
    if gpus > 1:
        return tf.distribute.MirroredStrategy()
    if not gpus and devices.cpus > 1:
        names = [f"CPU:{index}" for index in range(devices.cpus)]
        return tf.distribute.MirroredStrategy(names)
    return tf.distribute.get_strategy()


def check_devices(devices: Devices, workers: Workers) -> None:
    """Refuses devices that :func:`open_strategy` would refuse, and opens none.

    Raises:
        InputError: GPUs that do not exist, logical CPUs on several machines.
    """
    if workers.several and devices.cpus > 1:
        raise InputError(
            f"--devices cpu:{devices.cpus}: with several workers (TF_CONFIG) each uses "
            "one CPU; choose cpu, auto or GPU numbers"
        )
    if not devices.gpus:
        return
    import tensorflow as tf

    with without_notices():
        there = tf.config.list_physical_devices("GPU")
    unknown = [gpu for gpu in devices.gpus if gpu >= len(there)]
    if unknown:
        known = ", ".join(map(str, range(len(there))))
        raise InputError(
            f"{_shown(devices)}: there is no GPU {unknown[0]}; "
            + (f"choose from {known}" if known else "TensorFlow finds none here")
            + ", or use --devices auto"
        )


def gpu_numbers(devices: Devices) -> tuple[int, ...]:
    """Returns the numbers of the GPUs that a training will use, and opens none.

    GPUs that do not exist are left out; :func:`check_devices` refuses them.
    """
    import tensorflow as tf

    there = tf.config.list_physical_devices("GPU")
    if devices.gpus is None:  # all but those that the process has hidden from itself
        visible = tf.config.get_visible_devices("GPU")
        return tuple(number for number, gpu in enumerate(there) if gpu in visible)
    return tuple(gpu for gpu in devices.gpus if gpu < len(there))


def gpus_are_open() -> bool:
    """Returns whether this process has taken the memory of its GPUs already."""
    import tensorflow as tf

    for gpu in tf.config.get_visible_devices("GPU"):
        try:
            growth = tf.config.experimental.get_memory_growth(gpu)
            # Not allowed once they are open.
            tf.config.experimental.set_memory_growth(gpu, not growth)
            tf.config.experimental.set_memory_growth(gpu, growth)
        except (RuntimeError, ValueError):
            return True
    return False


def check_replicas(replicas: int, batch_size: int, jit_compile: bool) -> None:
    """Refuses settings that so many devices cannot share.

    Raises:
        InputError: a batch that they cannot share evenly, XLA on more than one.
    """
    if replicas == 1:
        return
    if batch_size % replicas:
        below = batch_size // replicas * replicas
        nearest = [str(size) for size in (below, below + replicas) if size]
        raise InputError(
            f"data.batch_size is {batch_size}, which {replicas} devices cannot share "
            f"evenly; set it to {' or '.join(nearest)}, or choose other --devices"
        )
    if jit_compile:
        raise InputError(
            f"step.jit_compile works on one device, and {replicas} were chosen: one "
            "XLA program cannot reach the weights on all of them; set it to false, or "
            "choose one of --devices"
        )


def _configure(devices):
    import tensorflow as tf

    if devices.gpus is not None:
        there = tf.config.list_physical_devices("GPU")
        chosen = [there[gpu] for gpu in devices.gpus]
        if chosen != tf.config.get_visible_devices("GPU"):
            tf.config.set_visible_devices(chosen, "GPU")
    if devices.cpus > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        logical = [tf.config.LogicalDeviceConfiguration()] * devices.cpus
        if tf.config.get_logical_device_configuration(cpu) != logical:
            tf.config.set_logical_device_configuration(cpu, logical)


def _shown(devices):
    if devices.gpus is None:
        return "--devices auto"
    if devices.gpus:
        return "--devices " + ",".join(map(str, devices.gpus))
    return "--devices cpu" + (f":{devices.cpus}" if devices.cpus > 1 else "")
