"""The whole method against the same networks in PyTorch, the plain way.

    python -m benchmarks.whole_network

The other side is `unfolded_network.py`: one-hot layouts, features unfolded to nine
shifted copies, as the paper's equations read. Inference takes turns with it, after both
made the same image from the same weights; so does the training step (batch 1, no
perceptual network), with the official algorithm and with the reused fake. Memory: what
a process grows by at most beyond weights, and in training gradients and the two moments
of Adam, which both sides must hold. Needs PyTorch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from benchmarks import memory, models, pictures
from benchmarks.command import Benchmark, main
from benchmarks.measure import HIGHER, LOWER, interleaved, ratio
from benchmarks.results import Result
from benchmarks.unfolding import torch_available
from ccfpse_tf.data.prepare.parallel import usable_cores
from ccfpse_tf.errors import InputError

MODULE = "benchmarks.whole_network"
THEIRS = "torch unfold"
OURS, REUSED = "ours", "ours, fake reused"
TOLERANCE = 1e-4  # between images of the two sides; they end in tanh
SPEED = {"inference": 1.8, "training": 1.8, "training, fake reused": 2.4}
SMALL_SPEED = 3.0  # where classes weigh more than features
_SHOWN = (THEIRS, OURS, REUSED)


@dataclass(frozen=True)
class Settings:
    """`widths`: ngf and ndf; `tasks`: of "inference" and "training"."""

    widths: tuple = (16, 64)
    image_size: tuple = (256, 256)
    label_channels: int = 183
    tasks: tuple = ("inference", "training")
    rounds: int = 5

    def network(self, width: int) -> models.Network:
        """The model of one width."""
        return models.Network(self.label_channels, self.image_size, width, width)


def measure(settings: Settings) -> Result:
    """Times and weighs both sides at every width.

    Raises:
        InputError: without PyTorch; if the two sides do not make the same image.
    """
    if not torch_available():
        raise InputError("PyTorch is missing: pip install '.[bench]'")
    ratios, numbers, notes = [], {}, []
    weighed = memory.available()
    if not weighed:
        notes.append("memory: left out, this system does not let a peak be reset")
    for width in settings.widths:
        network = settings.network(width)
        for task in settings.tasks:
            label = f"ngf {width}, {task}"
            found = numbers[label] = {}
            speeds, found["seconds"] = _speed(network, task, settings.rounds)
            ratios += speeds
            if weighed:
                lean, found["memory"] = _memory(network, task, label)
                ratios += lean
    return Result(tuple(ratios), numbers, tuple(notes))


def _speed(network, task, rounds):
    sides = _inference(network) if task == "inference" else _training(network)
    timings = interleaved(sides, rounds)
    ratios = []
    for side in sides:
        if side != THEIRS:
            kind = task + side.removeprefix(OURS)
            small = network.ngf < models.Network.ngf
            values = timings.quotients(THEIRS, side)
            name = f"ngf {network.ngf}, {kind}: seconds of {THEIRS} / ours"
            target = SMALL_SPEED if small else SPEED[kind]
            ratios.append(ratio(name, values, HIGHER, target))
    return ratios, timings.medians()


def _inference(network):
    model = models.model_to_synthesize(network)
    _settle(model, network)
    ours, theirs = models.synthesis(model, network), _torch_synthesis(network, model)
    difference = np.abs(ours().numpy() - theirs().numpy().transpose(0, 2, 3, 1)).max()
    if not difference <= TOLERANCE:
        raise InputError(
            f"the images of {OURS} and {THEIRS} differ by up to {difference:.2g}, "
            f"allowed {TOLERANCE}: one of the two computes something else"
        )
    return {THEIRS: theirs, OURS: ours}


def _settle(model, network):
    """Lets spectral vectors and batch statistics fit the weights, as after training."""
    one = models.batch(network) | {"z": np.zeros((1, network.z_dim), np.float32)}
    for _ in range(3):
        model(one, training=True)


def _training(network):
    def ours(**options):
        return models.training_step(models.model_to_train(network, **options), network)

    return {
        THEIRS: _torch_training_step(network),
        OURS: ours(recompute_kernels=True),
        REUSED: ours(recompute_kernels=True, discriminator_fake="reuse"),
    }


def _torch_network(network, trained):
    import torch

    from benchmarks.unfolded_network import Network

    torch.set_num_threads(usable_cores())
    one = models.batch(network)
    image = np.ascontiguousarray(one["image"].transpose(0, 3, 1, 2))
    arrays = [torch.from_numpy(a) for a in (image, one["label"], one["instance"])]
    return Network(network, trained), arrays


def _torch_synthesis(network, model=None):
    import torch

    plain, (_, label, instance) = _torch_network(network, trained=False)
    z = np.array(models.style_code(network))
    if model is not None:
        plain.load(model)
    return lambda: plain.synthesize(label, instance, torch.from_numpy(z))


def _torch_training_step(network):
    plain, batch = _torch_network(network, trained=True)
    return lambda: plain.training_step(*batch)


def _memory(network, task, label):
    arguments = {"task": task, **asdict(network)}
    found = {
        name: memory.measured_alone(MODULE, "peak_of_task", side=name, **arguments)
        for name in (THEIRS, OURS)
    }
    needed = found[OURS]["needed"]
    values = {name: side["extra"] - needed for name, side in found.items()}
    needs = "weights" + (", gradients, moments" if task == "training" else "")
    name = f"{label}: memory beyond {needs}: ours / {THEIRS}"
    lean = [ratio(name, [values[OURS] / values[THEIRS]], LOWER, 0.5)]
    return lean, values | {needs: needed}


def peak_of_task(side: str, task: str, image_size, **network) -> dict[str, int]:
    """As :func:`benchmarks.memory.second_peak`, of one side."""
    network = models.Network(image_size=tuple(image_size), **network)
    if side == THEIRS:
        import torch  # noqa: F401 - before counting starts, as TensorFlow is
    return memory.second_peak(lambda: _built(side, task, network))


def _built(side, task, network):
    trains = task == "training"
    if side == THEIRS:
        make = _torch_training_step if trains else _torch_synthesis
        return make(network), 0
    if trains:
        model = models.model_to_train(network, recompute_kernels=True)
    else:
        model = models.model_to_synthesize(network)
    call = models.training_step if trains else models.synthesis
    return call(model, network), models.needed_for(task, model)


def draw(figure, numbers) -> None:
    """Seconds and memory of both sides."""
    pictures.seconds_and_memory(figure, numbers, _SHOWN)


BENCHMARK = Benchmark(
    "whole_network",
    Settings(),
    Settings(widths=(8,), image_size=(128, 128)),
    measure,
    draw,
)

if __name__ == "__main__":
    main(BENCHMARK)
