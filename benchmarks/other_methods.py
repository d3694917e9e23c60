"""SPADE, pix2pixHD, CRN and SIMS against the same networks in PyTorch, the plain way.

    python -m benchmarks.other_methods

The other side is `torch_networks/`: one-hot layouts, PyTorch's own convolutions and
normalisations. Both have the same weights in number, and random values of their own.
Inference takes turns with it, and so does the training step, for one image: SPADE and
pix2pixHD without perceptual network, CRN (one image) and SIMS with VGG19, their only
loss. SIMS draws on a canvas that is given. Memory: what a process grows by at most
beyond weights, and in training gradients and the two moments of Adam. Needs PyTorch.
"""

from __future__ import annotations

import importlib
from dataclasses import asdict, dataclass

from benchmarks import memory, method_models, models, pictures
from benchmarks.command import Benchmark, main
from benchmarks.measure import HIGHER, LOWER, check_rounds, interleaved, ratio
from benchmarks.results import Result
from benchmarks.unfolding import torch_available
from ccfpse_tf.data.prepare.parallel import usable_cores
from ccfpse_tf.errors import InputError

MODULE = "benchmarks.other_methods"
METHODS = ("spade", "pix2pixhd", "crn", "sims")
THEIRS, OURS = "PyTorch", "ours"
SPEED = 1.0  # what PyTorch takes, divided by ours
MORE_SPEED = {("spade", "inference"): 1.5}


@dataclass(frozen=True)
class Settings:
    """`width`: ngf and ndf; `tasks`: of "inference" and "training"."""

    methods: tuple = METHODS
    width: int = 64
    image_size: tuple = (256, 256)
    label_channels: int = 183
    tasks: tuple = ("inference", "training")
    quantities: tuple = ("seconds", "memory")
    rounds: int = 5


def measure(settings: Settings) -> Result:
    """Times and weighs both sides of every method.

    Raises:
        InputError: without PyTorch, or for too few rounds.
    """
    check_rounds(settings.rounds)  # before a process of its own would say so
    if not torch_available():
        raise InputError("PyTorch is missing: pip install '.[bench]'")
    ratios, numbers, notes = [], {}, []
    weighed = "memory" in settings.quantities
    if weighed and not memory.available():
        weighed = False
        notes.append("memory: left out, this system does not let a peak be reset")
    width = settings.width
    network = models.Network(settings.label_channels, settings.image_size, width, width)
    for method in settings.methods:
        for task in settings.tasks:
            label, found = f"{method}, {task}", {}
            arguments = {"method": method, "task": task, **asdict(network)}
            if "seconds" in settings.quantities:
                speed = memory.measured_alone(
                    MODULE, "speed_of_task", rounds=settings.rounds, **arguments
                )
                speed = Result.from_json(speed)
                ratios += speed.ratios
                found["seconds"] = speed.numbers
            if weighed:
                lean, found["memory"] = _memory(label, arguments)
                ratios += lean
            numbers[label] = found
    return Result(tuple(ratios), numbers, tuple(notes))


def speed_of_task(method: str, task: str, rounds: int, image_size, **network) -> dict:
    """The :class:`Result` of timing both sides, as JSON has it.

    In a process of its own: TensorFlow never drops the graphs of trained models.
    """
    network = models.Network(image_size=tuple(image_size), **network)
    sides = {
        THEIRS: torch_call(method, task, network),
        OURS: our_call(method, task, network)[0],
    }
    timings = interleaved(sides, rounds, warm_up=1)
    name = f"{method}, {task}: seconds of {THEIRS} / ours"
    target = MORE_SPEED.get((method, task), SPEED)
    speed = ratio(name, timings.quotients(THEIRS, OURS), HIGHER, target)
    return Result((speed,), timings.medians()).to_json()


def our_call(method: str, task: str, network: models.Network) -> tuple:
    """A call of our model without arguments, and the bytes that any model needs."""
    trains = task == "training"
    model = method_models.model_of(method, network, trains)
    call = method_models.training_step if trains else method_models.synthesis
    return call(model, network), models.needed_for(task, model)


def torch_call(method: str, task: str, network: models.Network):
    """A call of PyTorch's model without arguments."""
    import torch

    torch.set_num_threads(usable_cores())
    trains = task == "training"
    system = torch_system(method)(network, trains)
    batch = {
        name: torch.from_numpy(array if array.ndim < 4 else _channels_first(array))
        for name, array in method_models.batch(network).items()
    }
    call = system.training_step if trains else system.synthesize
    return lambda: call(batch)


def torch_system(method: str):
    """The class of PyTorch's networks of a method."""
    return importlib.import_module(f"benchmarks.torch_networks.{method}").System


def _channels_first(array):
    return array.transpose(0, 3, 1, 2).copy()


def _memory(label, arguments):
    found = {
        side: memory.measured_alone(MODULE, "peak_of_task", side=side, **arguments)
        for side in (THEIRS, OURS)
    }
    needed = found[OURS]["needed"]
    values = {side: one["extra"] - needed for side, one in found.items()}
    needs = "weights"
    if arguments["task"] == "training":
        needs += ", gradients, moments"
    name = f"{label}: memory beyond {needs}: ours / {THEIRS}"
    lean = [ratio(name, [values[OURS] / values[THEIRS]], LOWER)]
    return lean, values | {needs: needed}


def peak_of_task(side: str, method: str, task: str, image_size, **network) -> dict:
    """As :func:`benchmarks.memory.second_peak`, of one side."""
    network = models.Network(image_size=tuple(image_size), **network)
    if side == OURS:
        return memory.second_peak(lambda: our_call(method, task, network))
    import torch  # noqa: F401 - before counting starts, as TensorFlow is

    return memory.second_peak(lambda: (torch_call(method, task, network), 0))


def draw(figure, numbers) -> None:
    """Seconds and memory of both sides."""
    pictures.seconds_and_memory(figure, numbers, (THEIRS, OURS))


BENCHMARK = Benchmark(
    "other_methods",
    Settings(),
    Settings(width=8, image_size=(128, 128)),
    measure,
    draw,
)

if __name__ == "__main__":
    main(BENCHMARK)
