"""The three evaluation networks once more: NumPy, float64, by the files' names.

Everything is ``(channels, height, width)``, as the original repositories describe it.
"""

import numpy as np

from ccfpse_tf.evaluation.networks.weights import entries
from tests.parity import rules


def random_state(network) -> dict:
    """Weights for all tensors that a network reads, by the fixtures' rule."""
    return {e.name: rules.tensor("", e.name, e.shape, "full") for e in entries(network)}


def convolve(x, state, name, stride=1, dilation=1):
    kernel = state[f"{name}.weight"].astype(np.float64)
    taps = kernel.shape[-1]
    pad = dilation * (taps - 1) // 2
    height, width = (-(-n // stride) for n in x.shape[1:])
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    out = np.zeros((len(kernel), height, width))
    for i in range(taps):
        for j in range(taps):
            rows = slice(i * dilation, i * dilation + stride * (height - 1) + 1, stride)
            columns = slice(
                j * dilation, j * dilation + stride * (width - 1) + 1, stride
            )
            out += np.einsum("oc,chw->ohw", kernel[:, :, i, j], x[:, rows, columns])
    bias = state.get(f"{name}.bias")
    return out if bias is None else out + bias[:, None, None]


def normalize(x, state, name):
    gamma, beta, mean, variance = (
        state[f"{name}.{part}"][:, None, None].astype(np.float64)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    return (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta


def relu(x):
    return np.maximum(x, 0)


def unit(x, state, names, stride=1, dilation=1):
    """Convolution, normalisation, ReLU; ``names`` of the first two."""
    convolution, norm = names
    return relu(
        normalize(convolve(x, state, convolution, stride, dilation), state, norm)
    )


def sequence(x, state, name, stride=1, dilation=1):
    return unit(x, state, (f"{name}.0", f"{name}.1"), stride, dilation)


def torchvision_stage(x, state, name, stride=1, dilation=1):
    block = 0
    while f"{name}.{block}.conv1.weight" in state:
        at = f"{name}.{block}"
        y = unit(x, state, (f"{at}.conv1", f"{at}.bn1"))
        y = unit(y, state, (f"{at}.conv2", f"{at}.bn2"), stride, dilation)
        y = normalize(convolve(y, state, f"{at}.conv3"), state, f"{at}.bn3")
        if f"{at}.downsample.0.weight" in state:
            x = convolve(x, state, f"{at}.downsample.0", stride)
            x = normalize(x, state, f"{at}.downsample.1")
        x, stride, block = relu(x + y), 1, block + 1
    return x


def caffe_stage(x, state, name, stride=1, dilation=1):
    block = 1
    while f"{name}.block{block}.reduce.conv.weight" in state:
        parts = {
            part: (f"{name}.block{block}.{part}.conv", f"{name}.block{block}.{part}.bn")
            for part in ("reduce", "conv3x3", "increase", "shortcut")
        }
        y = unit(x, state, parts["reduce"], stride)
        y = unit(y, state, parts["conv3x3"], 1, dilation)
        y = normalize(
            convolve(y, state, parts["increase"][0]), state, parts["increase"][1]
        )
        if f"{parts['shortcut'][0]}.weight" in state:
            convolution, norm = parts["shortcut"]
            x = normalize(convolve(x, state, convolution, stride), state, norm)
        x, stride, block = relu(x + y), 1, block + 1
    return x


def maximum(x, ceil_mode=False):
    """3x3 maxima, stride 2, padding 1; windows begin inside image or left padding."""
    counts = []
    for n in x.shape[1:]:
        count = (n - 1) / 2 + 1
        counts.append(int(np.ceil(count) if ceil_mode else np.floor(count)))
    height, width = (
        [slice(max(2 * i - 1, 0), 2 * i + 2) for i in range(count)] for count in counts
    )
    found = [[x[:, rows, columns].max((1, 2)) for columns in width] for rows in height]
    return np.array(found).transpose(2, 0, 1)


def average(x, bins):
    """Means over rectangles that cover the map and may overlap."""

    def edges(i, n):
        return slice(int(np.floor(i * n / bins)), int(np.ceil((i + 1) * n / bins)))

    height, width = x.shape[1:]
    return np.stack(
        [
            [x[:, edges(i, height), edges(j, width)].mean((1, 2)) for j in range(bins)]
            for i in range(bins)
        ]
    ).transpose(2, 0, 1)


def resize(x, size, step=None):
    """Bilinear, half-pixel centres, borders repeat."""
    for axis, out in enumerate(size, 1):
        last = x.shape[axis] - 1
        source = (np.arange(out) + 0.5) * (step or x.shape[axis] / out) - 0.5
        source = np.clip(source, 0, last)
        low = np.floor(source).astype(int)
        weight = np.expand_dims(source - low, axis=(0, 3 - axis))
        high = np.take(x, np.minimum(low + 1, last), axis)
        x = (1 - weight) * np.take(x, low, axis) + weight * high
    return x


def spread(x, kernel, stride):
    """Transposed convolution channel by channel, as it is defined: by scattering."""
    channels, height, width = x.shape
    out = np.zeros((channels, stride * (height + 1), stride * (width + 1)))
    for i in range(height):
        for j in range(width):
            rows = slice(stride * i, stride * i + 2 * stride)
            columns = slice(stride * j, stride * j + 2 * stride)
            out[:, rows, columns] += x[:, i, j, None, None] * kernel
    half = stride // 2
    return out[:, half:-half, half:-half]


def drn(x, state):
    """Log-probabilities."""
    x = sequence(x, state, "base.0")
    x = sequence(x, state, "base.1")
    x = sequence(x, state, "base.2", 2)
    for index, stride, dilation in ((3, 2, 1), (4, 2, 1), (5, 1, 2), (6, 1, 4)):
        x = torchvision_stage(x, state, f"base.{index}", stride, dilation)
    x = sequence(x, state, "base.7", 1, 2)
    x = sequence(x, state, "base.8")
    x = spread(convolve(x, state, "seg"), state["up.weight"][:, 0], 8)
    return x - np.log(np.exp(x).sum(0))


def upernet(x, state):
    """Logits at a quarter of the size."""
    for index, stride in ((1, 2), (2, 1), (3, 1)):
        x = unit(x, state, (f"conv{index}", f"bn{index}"), stride)
    x, features = maximum(x), []
    for index, stride in ((1, 1), (2, 2), (3, 2), (4, 2)):
        x = torchvision_stage(x, state, f"layer{index}", stride)
        features.append(x)
    parts = [x]
    for index, bins in enumerate((1, 2, 3, 6)):
        pooled = resize(average(x, bins), x.shape[1:])
        parts.append(sequence(pooled, state, f"ppm_conv.{index}"))
    carried = sequence(np.concatenate(parts), state, "ppm_last_conv")
    maps = [carried]
    for index in (2, 1, 0):
        level = sequence(features[index], state, f"fpn_in.{index}")
        carried = level + resize(carried, level.shape[1:])
        maps.insert(0, sequence(carried, state, f"fpn_out.{index}.0"))
    maps = np.concatenate([resize(level, maps[0].shape[1:]) for level in maps])
    return convolve(sequence(maps, state, "conv_last.0"), state, "conv_last.1")


def deeplab(x, state, factor):
    """Largest logits over the scales; ``factor``: the step is one over the scale."""
    best = _deeplab(x, state)
    for scale in (0.5, 0.75):
        size = [int(n * scale) for n in x.shape[1:]]
        small = resize(x, size, 1 / scale if factor else None)
        best = np.maximum(best, resize(_deeplab(small, state), best.shape[1:]))
    return best


def _deeplab(x, state):
    x = unit(x, state, ("base.layer1.conv1.conv", "base.layer1.conv1.bn"), 2)
    x = maximum(x, ceil_mode=True)
    for index, stride, dilation in ((2, 1, 1), (3, 2, 1), (4, 1, 2), (5, 1, 4)):
        x = caffe_stage(x, state, f"base.layer{index}", stride, dilation)
    rates = enumerate((6, 12, 18, 24))
    return sum(convolve(x, state, f"base.aspp.c{i}", 1, rate) for i, rate in rates)
