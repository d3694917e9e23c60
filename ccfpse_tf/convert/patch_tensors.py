"""The tensors of the official multi-scale discriminators: SPADE's and pix2pixHD's."""

from ccfpse_tf.convert import matched_tensors as matched


def discriminator(model):
    """All tensors, in the order of the official files.

    Args:
        model: a built :class:`MultiscaleDiscriminator`.
    """
    if model.form == "spade":
        for number, scale in enumerate(model.scales):
            yield from _spade_scale(scale, f"discriminator_{number}.model")
    else:
        # The coarsest scale comes first, and has number 0.
        for number, scale in enumerate(reversed(model.scales)):
            yield from _pix2pixhd_scale(scale, f"scale{number}_layer")


def _spade_scale(scale, name):
    yield from matched.convolution(f"{name}0.0", scale.first)
    for number, layer in enumerate(scale.hidden, 1):
        yield from matched.normalized(f"{name}{number}.0", layer)
    yield from matched.convolution(f"{name}{len(scale.hidden) + 1}.0", scale.score)


def _pix2pixhd_scale(scale, name):
    hidden = [layer.convolution for layer in scale.hidden]
    for number, layer in enumerate((scale.first, *hidden, scale.score)):
        yield from matched.convolution(f"{name}{number}.0", layer)
