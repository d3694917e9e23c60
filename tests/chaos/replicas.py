"""Compares a step on one device with the same step shared by several.

``python -m tests.chaos.replicas [--graph] [--steps N]`` trains the same small model, in
float64 and from the same weights, with four images a step: on one device, on two and
four logical CPUs, and in two processes. It prints the largest relative difference of
each quantity to the one device's, then the losses and gradients of every GAN mode and
of the perceptual loss, on two logical CPUs.
"""

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ccfpse_tf.config.sections import GAN_MODES
from tests.models.perceptual.random_vgg import write_vgg

LIMIT = 1e-8  # of what is computed in float64
FLOAT32_LIMIT = 1e-5  # of what is not: logged losses, the perceptual network
# Values of a variable that are this much smaller than others of the same quantity are
# rounding, such as the gradient of a bias before a normalisation, which is 0.
FLOOR = 1e-3
# Adam makes such a gradient, of 1e-17, a step of a visible part of the rate: weights
# and what follows from them are compared with the largest of their kind.
AFTER_ADAM = ("images", "weights", "batch statistics")
# Adam's first moments are the gradients, as beta_1 is 0.
QUANTITIES = {
    "losses": lambda name: name.startswith("loss/"),
    "style noise": lambda name: name == "noise",
    "images": lambda name: name == "image",
    "generator weights": lambda name: _weight(name, "generator/"),
    "encoder weights": lambda name: _weight(name, "encoder/"),
    "discriminator weights": lambda name: _weight(name, "discriminator/"),
    "batch statistics": lambda name: "/moving_" in name,
    "spectral vectors": lambda name: name.endswith(("/u", "/v")),
    "gradients, generator": lambda name: _slot(name, "generator_", "momentum"),
    "gradients, discriminator": lambda name: _slot(name, "discriminator_", "momentum"),
    "second moments, generator": lambda name: _slot(name, "generator_", "velocity"),
    "second moments, discriminator": lambda name: _slot(
        name, "discriminator_", "velocity"
    ),
    "counters": lambda name: name == "steps" or name.endswith("/iteration"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Prints both tables; returns 1 where a difference is above the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graph", action="store_true", help="as trained; much slower")
    parser.add_argument("--steps", type=int, default=1)
    arguments = parser.parse_args(argv)
    options = ["--steps", str(arguments.steps)]
    if not arguments.graph:
        options.append("--eager")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        one, two = train(folder, (1, 2), options)
        (four,) = train(folder, (4,), options)
        processes = train_processes(folder / "processes", 2, options)
        good = _print_setups(one, {"2x2": two, "4x1": four, "2 processes": processes})
        return 0 if _print_losses(folder, options) and good else 1


def train(
    folder: Path, replicas: Sequence[int], options: Sequence[str] = ()
) -> list[dict[str, np.ndarray]]:
    """Runs ``tests.gan.replicas``; returns its results for each number of replicas."""
    folder.mkdir(exist_ok=True)
    counts = ",".join(map(str, replicas))
    command = [
        sys.executable,
        "-m",
        "tests.gan.replicas",
        str(folder),
        counts,
        *options,
    ]
    done = subprocess.run(
        command, timeout=1800, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stderr}")
    return [_load(folder / f"{count}.npz") for count in replicas]


def train_processes(
    folder: Path, count: int, options: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """The same in ``count`` processes on this machine, and what their chief saved."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tests.gan.replicas", str(folder), str(count)]
    started = [
        subprocess.Popen(
            [*command, *options], env=environment, stderr=subprocess.DEVNULL
        )
        for environment in environments(count)
    ]
    try:
        codes = [process.wait(timeout=1800) for process in started]
    finally:
        for process in started:
            process.kill()
    if any(codes):
        raise RuntimeError(f"the processes ended with {codes}")
    return _load(folder / f"{count}.npz")


def environments(count: int) -> list[dict[str, str]]:
    """Environments of ``count`` workers on this machine, on ports that are free now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for opened in sockets:
            opened.bind(("127.0.0.1", 0))
        hosts = [f"127.0.0.1:{opened.getsockname()[1]}" for opened in sockets]
    configs = (
        {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}}
        for index in range(count)
    )
    return [{**os.environ, "TF_CONFIG": json.dumps(config)} for config in configs]


def differences(
    one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Largest relative difference per quantity; no entry for those that both lack.

    A variable's differences are relative to its own largest value, or to ``FLOOR`` of
    the quantity's largest where that is more; for ``AFTER_ADAM``, to that largest.
    """
    assert one.keys() == other.keys()
    result = {}
    for quantity, belongs in QUANTITIES.items():
        names = [name for name in one if belongs(name)]
        if not names:
            continue
        largest = {name: np.abs(one[name]).max() for name in names}
        follows = quantity.endswith(AFTER_ADAM)
        floor = (1 if follows else FLOOR) * max(largest.values())
        result[quantity] = max(
            float(np.abs(one[name] - other[name]).max() / max(largest[name], floor))
            for name in names
        )
    return result


def limit(quantity: str) -> float:
    """Returns the limit up to which a difference is rounding."""
    return FLOAT32_LIMIT if quantity == "losses" else LIMIT


def _print_setups(one, others):
    columns = {name: differences(one, other) for name, other in others.items()}
    print(f"{'relative to 1x4':32}" + "".join(f"{name:>14}" for name in columns))
    good = True
    for quantity in QUANTITIES:
        row = [column[quantity] for column in columns.values()]
        print(f"{quantity:32}" + "".join(f"{value:14.1e}" for value in row))
        good &= all(value <= limit(quantity) for value in row)
    return good


def _print_losses(folder, options):
    """Every loss term; ``hinge`` is in the table before."""
    vgg = folder / "vgg19.npz"
    write_vgg(vgg)
    variants = {mode: ["--gan-mode", mode] for mode in GAN_MODES if mode != "hinge"}
    variants["perceptual"] = ["--vgg", str(vgg)]
    shown = ("losses", "gradients, generator", "gradients, discriminator")
    print(f"\n{'2x2 relative to 1x4':32}" + "".join(f"{name:>26}" for name in shown))
    good = True
    for name, variant in variants.items():
        one, two = train(folder / name, (1, 2), [*options, *variant])
        found = differences(one, two)
        print(f"{name:32}" + "".join(f"{found[key]:26.1e}" for key in shown))
        # The perceptual network computes in float32, and with it all its gradients.
        allowed = FLOAT32_LIMIT if name == "perceptual" else LIMIT
        good &= all(found[key] <= max(limit(key), allowed) for key in shown)
    return good


def _weight(name, part):
    kinds = ("/kernel", "/bias", "/gamma", "/beta")
    return name.startswith(part) and name.endswith(kinds)


def _slot(name, part, kind):
    return name.startswith(part) and name.endswith(f"_{kind}")


def _load(path):
    with np.load(path) as file:
        return dict(file)


if __name__ == "__main__":
    sys.exit(main())
