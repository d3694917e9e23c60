"""What a training step takes, from steps of small batches that were measured.

They are measured in a process of its own (:mod:`ccfpse_tf.training.measured_step`). A
step takes most memory either where its activations are complete, which grow with the
images, or where weights are updated, which does not. In a step of few images the update
may take more, so that two such steps hardly differ, and yet many images do. Hence a
further image is taken to need the whole step's memory, divided by its images: that is
what it needs where activations take most, and more than it needs where the update does.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from ccfpse_tf.config import Config
from ccfpse_tf.errors import InputError
from ccfpse_tf.runtime.devices import Devices, gpu_numbers
from ccfpse_tf.runtime.own_process import ask_module
from ccfpse_tf.runtime.tf_config import Workers

# How much of the memory a step may take by its forecast: the rest is for its error, and
# for the images and checkpoints between the steps.
SHARE = 0.9
SECONDS = 600  # the longest measurement
QUICK = 100  # seconds: where the first batch takes longer, no other is measured
TOO_MUCH = 75  # exit code of a measuring process that ended itself at its limit
# Besides this one: ended by the kernel, by the allocator.
_OUT_OF_MEMORY = {TOO_MUCH, -9, -6}
_MODULE = "ccfpse_tf.training.measured_step"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a training computes.

    Attributes:
        gpus: numbers of this machine's GPUs that it uses; none: the CPU.
        replicas: devices on this machine.
        machines: processes that train together, each with as many devices.
    """

    gpus: tuple[int, ...] = ()
    replicas: int = 1
    machines: int = 1

    @classmethod
    def of(cls, devices: Devices, workers: Workers) -> "Place":
        """Returns the place that ``--devices`` and ``TF_CONFIG`` name."""
        gpus = gpu_numbers(devices)
        machines = len(workers.addresses) if workers.several else 1
        return cls(gpus, len(gpus) or devices.cpus, machines)

    @property
    def total(self) -> int:
        """Devices on all machines."""
        return self.replicas * self.machines


@dataclasses.dataclass(frozen=True)
class Costs:
    """What steps of small batches have taken on one device of a place.

    Attributes:
        place: the devices of the training.
        device: name of the one that was measured.
        limit: bytes that may be in use, of each GPU or of all of this machine.
        base: bytes in use before a model is built.
        points: images, bytes and seconds of every measured step, the smallest first.
        growth: bytes of the last of them beyond what is held between steps.
        too_much: images of the step that was out of memory, or None.
        late: whether the time was over before anything was measured.
    """

    place: Place
    device: str
    limit: int
    base: int
    points: Sequence[tuple[int, int, float]]
    growth: int
    too_much: int | None = None
    late: bool = False

    @property
    def per_image(self) -> float:
        """The most bytes that every image beyond those measured takes."""
        return self.growth / self.points[-1][0]

    def bytes(self, images: int) -> float:
        """Returns what steps of so many images on each device take.

        Of the memory of each GPU; of the machine's, which several CPUs share.
        """
        reached = [point for point in self.points if point[0] <= images]
        known, measured, _ = (reached or self.points)[-1]
        one = measured + (images - known) * self.per_image
        if self.place.gpus:
            return one
        return self.base + self.place.replicas * (one - self.base)

    def fits(self, images: int) -> bool:
        """Returns whether steps of so many images on each device can be trained."""
        if not self.points or self.too_much and images >= self.too_much:
            return False
        return self.bytes(images) <= SHARE * self.limit

    def largest(self, most: int) -> int:
        """Returns the most images on each device that fit, up to ``most``, or 0."""
        images = 0
        while images < most and self.fits(images + 1):
            images += 1
        return images

    def seconds(self, images: int) -> float:
        """Returns the time of a step of so many images on each device."""
        measured, _, seconds = self.points[0]
        return seconds * images / measured


def measure_steps(
    config: Config,
    place: Place,
    batches: Sequence[int],
    limit: int,
    free: int,
    teacher: Path | None = None,
    quick: float = QUICK,
) -> Costs:
    """Trains steps of small batches in a process of its own, for ``SECONDS`` at most.

    Args:
        config: of the training.
        place: its devices, of which the first is measured.
        batches: sizes to measure, the smallest first; where that takes long, only it.
        limit: bytes of main memory that the training may hold.
        free: bytes of main memory that the other process may hold.
        teacher: folder of the run that the generator learns from.
        quick: seconds; another batch is only measured where the first took less.

    Raises:
        InputError: nothing could be measured, and why.
    """
    request = {
        "config": dataclasses.asdict(config),
        "images": batches,
        "gpus": place.gpus,
        "limit": None if place.gpus else free,
        "teacher": None if teacher is None else str(teacher),
        "quick": quick,
    }
    answers = ask_module(_MODULE, request, {"TF_CONFIG": None}, SECONDS)
    lines = answers.lines
    if not lines and not place.gpus:  # even TensorFlow alone was too much
        lines = [{"device": "CPU", "limit": None, "base": 0}]
    if not lines or answers.code not in {None, 0, *_OUT_OF_MEMORY}:
        reason = answers.complaint or f"its process ended with code {answers.code}"
        raise InputError(reason)
    device, *steps = lines
    last = {x["images"]: (x["images"], x["bytes"], x["seconds"]) for x in steps}
    points = list(last.values())
    too_much = (*batches, batches[-1] + 1)[len(points)]
    return Costs(
        place,
        device["device"],
        device["limit"] or limit,
        device["base"],
        points,
        growth=steps[-1]["growth"] if steps else 0,
        too_much=too_much if answers.code in _OUT_OF_MEMORY else None,
        late=answers.code is None and not points,
    )
