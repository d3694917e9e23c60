"""The tensors of pix2pixHD's official generators and feature encoder.

Their modules lie in one list that counts pads, norms and activations, too: a
convolution after a pad, a norm and a ReLU take three or four places.
"""

from ccfpse_tf.convert import matched_tensors as matched


def generator(model):
    """All tensors, in the order of the official files.

    Args:
        model: a built :class:`Pix2PixHDGenerator`.
    """
    inner, *enhancers = model.hourglasses
    last = yield from _hourglass(inner, "model")
    for number, enhancer in enumerate(enhancers, 1):
        last = yield from _enhancer(enhancer, f"model{number}")
    yield from matched.convolution(last, model.image_convolution)


def encoder(model):
    """As :func:`generator`, of a built :class:`InstanceFeatureEncoder`."""
    last = yield from _hourglass(model.trunk, "model")
    yield from matched.convolution(last, model.last)


def _hourglass(hourglass, name):
    """Yields the tensors; returns the name of a 7x7 convolution that comes next."""
    place = yield from _down(hourglass, name)
    return (yield from _up(hourglass, name, place))


def _enhancer(enhancer, name):
    """The same, of an enhancer, whose halves are two lists."""
    yield from _down(enhancer, f"{name}_1")
    return (yield from _up(enhancer, f"{name}_2", 0))


def _down(hourglass, name):
    """Yields the tensors up to the blocks; returns the first block's place."""
    place = 1  # after the pad
    for layer in (hourglass.first, *hourglass.down):
        yield from matched.convolution(f"{name}.{place}", layer)
        place += 3
    return place


def _up(hourglass, name, place):
    for block in hourglass.blocks:
        yield from matched.convolution(f"{name}.{place}.conv_block.1", block.first)
        yield from matched.convolution(f"{name}.{place}.conv_block.5", block.second)
        place += 1
    for layer in hourglass.up:
        yield from matched.convolution(f"{name}.{place}", layer)
        place += 3
    return f"{name}.{place + 1}"  # after the pad
