"""Segmentation networks for images of a fixed size: keras-cv's, and one on Lite0."""

import keras
import keras_cv

from ccfpse_tf.models.perceptual.efficientnet_lite import TAPS, efficientnet_lite

STRIDE = 32  # of the deepest features
MOMENTUM = 0.9  # of batch statistics: Keras's 0.99 lags behind in a short training


def build_segmentation_model(
    backbone: str,
    width: int,
    image_size: tuple[int, int],
    classes: int,
    weights: str | None = None,
) -> keras.Model:
    """Builds a network that maps images to class probabilities.

    Args:
        backbone: ``"deeplabv3plus"`` (Chen et al. 2018, on a ResNet-18 of version 2) or
            ``"segformer"`` (Xie et al. 2021, on MiT-B0), both untrained, or
            ``"lite0"``, a decoder on the frozen features of EfficientNet-Lite0.
        width: channels of the first stage; 64 is ResNet-18's own, 32 is MiT-B0's.
            ``"lite0"`` reduces all its features to twice as many.
        image_size: (height, width), multiples of 32.
        classes: how many.
        weights: path of Lite0's weights; None takes those of the installed package.

    Returns:
        float32 RGB of 0..255, ``(batch, height, width, 3)``, to float32
        ``(batch, height, width, classes)``, a softmax.

    Raises:
        ValueError: an unknown backbone, or a size that is not a multiple of 32.
        InputError: weights of Lite0 that cannot be had.
    """
    if any(side % STRIDE for side in image_size):
        raise ValueError(f"{image_size} are not multiples of {STRIDE}")
    if backbone == "lite0":
        model = _on_lite0(width, (*image_size, 3), classes, weights)
    else:
        make = {"deeplabv3plus": _deeplab, "segformer": _segformer}.get(backbone)
        if make is None:
            raise ValueError(f"unknown backbone {backbone!r}")
        model = make(width, (*image_size, 3), classes)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = MOMENTUM
    return model


def for_inference(model: keras.Model) -> keras.Model:
    """Returns ``model`` with ``training=False`` built in, for saving.

    In Keras 3.15 a Resizing layer inside of a functional model, as SegFormer has,
    switches the layers after it to training where the caller does not say which.
    """
    image = keras.Input(model.inputs[0].shape[1:], name="image")
    return keras.Model(image, model(image, training=False), name="segmenter")


def _deeplab(width, input_shape, classes):
    backbone = keras_cv.models.ResNetV2Backbone(
        stackwise_filters=[width, 2 * width, 4 * width, 8 * width],
        stackwise_blocks=[2, 2, 2, 2],
        stackwise_strides=[1, 2, 2, 2],
        include_rescaling=True,
        input_shape=input_shape,
    )
    # DeepLabV3+ takes the features before it, so that it would get no gradient.
    backbone.get_layer("post_bn").trainable = False
    # The paper's rates 6, 12, 18 reach over the 33x33 features of its images at stride
    # 16. Ours keep that proportion at stride 32: a tap outside of the map sees nothing.
    rate = max(1, round(3 / 16 * min(input_shape[:2]) / STRIDE))
    return keras_cv.models.DeepLabV3Plus(
        backbone=backbone,
        num_classes=classes,
        spatial_pyramid_pooling=keras_cv.layers.SpatialPyramidPooling(
            [rate, 2 * rate, 3 * rate], num_channels=4 * width
        ),
        segmentation_head=_head(4 * width, classes),
    )


def _head(width, classes):
    """The paper's 3x3 convolution; keras-cv's own head has but a 1x1 one."""
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Conv2D(width, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            # Before the enlargement, where it costs a sixteenth and is the same map.
            layers.Conv2D(classes, 1),
            layers.UpSampling2D(4, interpolation="bilinear"),
            layers.Softmax(dtype="float32"),
        ],
        name="segmentation_head",
    )


def _segformer(width, input_shape, classes):
    # keras-cv's attention takes square images only, so others are stretched inside.
    side = max(input_shape)
    backbone = keras_cv.models.MiTBackbone(
        embedding_dims=[width, 2 * width, 5 * width, 8 * width],
        depths=[2, 2, 2, 2],
        include_rescaling=True,
        input_shape=(side, side, 3),
    )
    segformer = keras_cv.models.SegFormer(
        backbone=backbone, num_classes=classes, projection_filters=8 * width
    )
    if input_shape == (side, side, 3):
        return segformer
    image = keras.Input(input_shape)
    square = keras.layers.Resizing(side, side, interpolation="bilinear")(image)
    enlarged = segformer(square)
    back = keras.layers.Resizing(*input_shape[:2], interpolation="bilinear")
    return keras.Model(image, back(enlarged))


def _on_lite0(width, input_shape, classes, weights):
    """The features at strides 4 to 32 of the image at twice its size, summed.

    Every stage is reduced to ``2 * width`` channels and enlarged to the finest one.
    """
    layers = keras.layers
    image = keras.Input(input_shape)
    # Twice the size: thin things vanish at a quarter of small images' resolution.
    enlarged = layers.UpSampling2D(2, interpolation="bilinear")(image)
    features = efficientnet_lite(0, TAPS[0], weights)(enlarged, training=False)
    summed = []
    for level, feature in enumerate(features):
        x = _unit(2 * width, 1)(feature)
        if level:
            x = layers.UpSampling2D(2**level, interpolation="bilinear")(x)
        summed.append(x)
    x = _unit(2 * width, 3)(layers.Add()(summed))
    x = layers.Conv2D(classes, 1)(x)
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    return keras.Model(image, layers.Softmax(dtype="float32")(x))


def _unit(width, size):
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Conv2D(width, size, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]
    )
