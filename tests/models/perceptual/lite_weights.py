"""Random weights of EfficientNet-Lite, under the names of the published file."""

import keras
import numpy as np

from ccfpse_tf.files.pretrained import PretrainedFile
from ccfpse_tf.models.perceptual import efficientnet_lite


def random_state(variant: int) -> dict[str, np.ndarray]:
    """Tensors of all names and shapes; scaled so that activations stay near 1."""
    random = np.random.default_rng(variant)
    state = {}
    for name, layer in efficientnet_lite._network(variant)[1].items():
        shapes = [tuple(weight.shape) for weight in layer.weights]
        if isinstance(layer, keras.layers.BatchNormalization):
            for ending in ("weight", "running_var"):
                state[f"{name}.{ending}"] = random.uniform(0.5, 1.5, shapes[0])
            for ending in ("bias", "running_mean"):
                state[f"{name}.{ending}"] = random.uniform(-0.5, 0.5, shapes[0])
            state[f"{name}.num_batches_tracked"] = np.array(0)
            continue
        height, width, inputs, outputs = (1, 1, *shapes[0])[-4:]
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            shape, fan_in = (inputs, outputs, height, width), height * width
        else:
            shape, fan_in = (outputs, inputs, height, width), height * width * inputs
        kernel = random.standard_normal(shape) * np.sqrt(2 / fan_in)
        state[f"{name}.weight"] = kernel if len(shapes[0]) == 4 else kernel[..., 0, 0]
        if len(shapes) == 2:
            state[f"{name}.bias"] = random.standard_normal(shapes[1])
    return {name: np.asarray(x, np.float32) for name, x in state.items()}


def install(monkeypatch) -> None:
    """Lets Lite0 and Lite1 have random weights, as if their packages were there."""
    states = {}

    def read(path):
        if path not in states:
            states[path] = random_state(int(path))
        return states[path]

    files = [file.name for file in efficientnet_lite.FILES]
    monkeypatch.setattr(
        PretrainedFile, "find", lambda self, path=None: str(files.index(self.name))
    )
    monkeypatch.setattr(efficientnet_lite, "read_tensors", read)
