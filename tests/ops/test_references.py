"""Every fast form against the equation beside it: values and all gradients, float64."""

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.layers.plain_convolution import padded_convolution
from ccfpse_tf.ops import (
    batch_statistics,
    column_convolution,
    conditional_convolution,
    convolution,
    instance_normalization,
    kernel_mixture,
    layer_normalization,
    layout_convolution,
    predicted_convolution,
    reflected_convolution,
    resizing,
    row_lookup,
    scaling,
    spectral_normalization,
    striped_convolution,
)
from ccfpse_tf.ops.convolution import convolution_method
from ccfpse_tf.ops.layout import Layout, downsample_layout, pad_layout
from tests.layers.contract import numbers

pytestmark = pytest.mark.usefixtures("either_way")

MAP = (2, 8, 4, 3)  # batch, height, width, channels
LABEL = np.random.default_rng(0).integers(-1, 5, MAP[:3]).astype(np.int32)
KERNEL, BIAS = (3, 3, 3, 27), (27,)


def gate(attention, x, weight):
    return weight * x * tf.sigmoid(attention)


def taps(label):
    return [label, tf.reverse(label, [1])]


def batch_normalized(x, gamma, beta):
    return batch_statistics.batch_normalization(x, gamma, beta, 1e-3)[0]


def looked_up(table):
    start = tf.zeros((1, 1, 1, table.shape[-1]), table.dtype)
    rows = row_lookup.sum_of_rows(LABEL, start, table, places=taps, relu=False)
    none = tf.zeros((table.shape[0], 0, table.shape[-1]), table.dtype)

    @tf.custom_gradient
    def run(table):
        def gradient(dy):
            return row_lookup.table_gradient(LABEL, dy, none, table, places=taps)

        return rows, gradient

    return run(table)


def of_layout(function):
    return lambda features, *weights: function(Layout(LABEL, features), *weights, True)


def gated(function):
    def run(hidden, kernel, bias, x, weight):
        return function(gate, hidden, kernel, bias, x, weight)

    return run


CASES = {
    "conditional convolution": (
        conditional_convolution.conditional_depthwise_convolution,
        conditional_convolution.reference,
        (MAP, (*MAP[:3], 27)),
    ),
    "kernel mixture": (
        kernel_mixture.mixture_convolution,
        kernel_mixture.reference,
        (MAP, (*MAP[:3], 4), (3, 3, 3, 4)),
    ),
    "convolution": (
        convolution.convolution,
        convolution.reference,
        (MAP, KERNEL, BIAS),
    ),
    "layout convolution": (
        of_layout(layout_convolution.layout_convolution),
        of_layout(layout_convolution.reference),
        (MAP, (3, 3, 8, 2), (2,)),
    ),
    "patches of a layout": (
        lambda features, kernel: layout_convolution.valid_layout_convolution(
            pad_layout(Layout(LABEL, features), 2), kernel, 2
        ),
        lambda features, kernel: tf.nn.conv2d(
            Layout(LABEL, features).one_hot(5),
            kernel,
            2,
            [[0, 0], [2, 2], [2, 2], [0, 0]],
        ),
        (MAP, (4, 4, 8, 2)),
    ),
    "soft layout": (
        lambda features: downsample_layout(Layout(LABEL, features), 8),
        lambda features: resizing.downsample_mean(Layout(LABEL, features).one_hot(5)),
        (MAP,),
    ),
    "look-up of rows": (
        looked_up,
        lambda table: row_lookup.reference(taps(LABEL), table),
        ((2, 5, 3),),
    ),
    "predicted convolution": (
        predicted_convolution.predicted_convolution,
        predicted_convolution.reference,
        (MAP, (*MAP[:3], 3), KERNEL, BIAS),
    ),
    "function of a convolution": (
        gated(striped_convolution.apply_to_convolution),
        gated(striped_convolution.reference),
        (MAP, (3, 3, 3, 3), (3,), MAP, (3,)),
    ),
    "scaling": (
        lambda x, a, b: scaling.scaled(x, tf.ones_like(a), a, b, activate=True),
        lambda x, a, b: scaling.reference(x, tf.ones_like(a), a, b, activate=True),
        (MAP, (3,), (3,)),
    ),
    "batch normalisation": (
        batch_normalized,
        lambda *inputs: batch_statistics.reference(*inputs, 1e-3),
        (MAP, (3,), (3,)),
    ),
    "instance normalisation": (
        lambda x: instance_normalization.instance_normalization(x, 1e-3, True),
        lambda x: instance_normalization.reference(x, 1e-3, True),
        (MAP,),
    ),
    "layer normalisation": (
        lambda *inputs: layer_normalization.layer_normalization(*inputs, 1e-3, True),
        lambda *inputs: layer_normalization.reference(*inputs, 1e-3, True),
        (MAP, (3,), (3,)),
    ),
    "resizing with aligned corners": (
        lambda x: resizing.resize_aligned(x, (13, 3)),
        lambda x: resizing.reference_aligned(x, (13, 3)),
        (MAP,),
    ),
    "nearest upsampling": (
        resizing.upsample_nearest,
        resizing.reference_nearest,
        (MAP,),
    ),
    "bilinear upsampling": (
        resizing.upsample_bilinear,
        resizing.reference_bilinear,
        (MAP,),
    ),
}


# Of wide kernels, as matrix products.
PRODUCTS = {
    "convolution": CASES["convolution"],
    "without padding": (
        lambda x, kernel: column_convolution.valid_convolution(x, kernel, 2),
        lambda x, kernel: column_convolution.reference(x, kernel, 2),
        (MAP, (3, 3, 3, 5)),
    ),
    "padded": (
        lambda x, kernel: padded_convolution(x, kernel, 2),
        lambda x, kernel: column_convolution.reference(
            tf.pad(x, [[0, 0], [2, 2], [2, 2], [0, 0]]), kernel, 2
        ),
        (MAP, (4, 4, 3, 5)),
    ),
    "doubling": (
        reflected_convolution.doubling_convolution,
        reflected_convolution.reference_doubling,
        (MAP, (3, 3, 5, 3), (5,)),
    ),
}


def with_gradients(function, operands):
    with tf.GradientTape() as tape:
        tape.watch(operands)
        y = function(*operands)
        loss = tf.reduce_sum(tf.sin(y))
    return y, *tape.gradient(loss, operands)


@pytest.mark.parametrize("method", ["direct", "winograd"])
@pytest.mark.parametrize("name", CASES)
def test_fast_form_is_the_reference(name, method):
    check(*CASES[name], method)


@pytest.mark.parametrize("name", PRODUCTS)
def test_matrix_product_is_the_convolution(name, monkeypatch):
    products = []
    monkeypatch.setattr(column_convolution, "LEAST_PAIRS", 1)
    for form in ("_product", "_transposed_product"):
        made = getattr(column_convolution, form)
        monkeypatch.setattr(
            column_convolution,
            form,
            lambda *x, made=made, **y: products.append(made) or made(*x, **y),
        )
    check(*PRODUCTS[name], "direct")
    assert len(products) == 2  # forward and backward


def check(fast, reference, shapes, method):
    operands = [
        tf.constant(numbers(seed, *shape, dtype="float64"))
        for seed, shape in enumerate(shapes)
    ]
    with convolution_method("direct"):
        expected = with_gradients(reference, operands)
    with convolution_method(method):
        found = with_gradients(fast, operands)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def test_spectral_normalisation_with_constant_vectors():
    kernel, u, v = (
        tf.constant(numbers(seed, *shape, dtype="float64"))
        for seed, shape in enumerate([(3, 3, 2, 4), (4,), (18,)])
    )
    forms = (
        spectral_normalization.spectrally_normalized,
        spectral_normalization.reference,
    )
    found, expected = (
        with_gradients(lambda kernel, form=form: form(kernel, u, v), [kernel])
        for form in forms
    )
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
