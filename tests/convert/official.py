"""Small official checkpoints, and a way to keep them on disk without PyTorch."""

import keras
import numpy as np

from ccfpse_tf.convert.state import complete_state
from ccfpse_tf.models.discriminators.fpse import FPSEDiscriminator
from ccfpse_tf.models.generators.ccfpse import Generator
from ccfpse_tf.models.style_encoder import StyleEncoder
from tests.layers.contract import randomize

CHANNELS = 14  # of the scenes
SIZE = (64, 64)


def write_npz(path, state, form="zip"):
    """Stands in for ``torch_files.write_tensors``."""
    with open(path, "wb") as file:
        np.savez(file, **state)


def read_npz(path):
    """Stands in for ``torch_files.read_tensors``."""
    with np.load(path) as file:
        return dict(file)


def write_checkpoints(
    folder, write, channels=CHANNELS, epoch="latest", size=SIZE, depth=5
):
    """Writes small networks of random weights as ``EPOCH_net_{G,D,E}.pth``.

    Returns:
        Their complete states, by letter.
    """
    keras.utils.set_random_seed(0)
    parts = {
        "G": Generator(channels, size, ngf=1, depth=depth, z_dim=4, hidden=2),
        "D": FPSEDiscriminator(channels, ndf=2),
        "E": StyleEncoder(ngf=1, z_dim=4),
    }
    folder.mkdir(parents=True, exist_ok=True)
    states = {}
    for letter, part in parts.items():
        part.build()
        states[letter] = complete_state(randomize(part))
        write(folder / f"{epoch}_net_{letter}.pth", states[letter])
    return states
