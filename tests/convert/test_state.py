"""Official names and layouts of weights, there and back."""

import functools
from pathlib import Path

import keras
import numpy as np
import pytest

from ccfpse_tf.convert.official_tensors import entries, is_unused
from ccfpse_tf.convert.state import complete_state, load_official, official_state
from ccfpse_tf.errors import InputError
from ccfpse_tf.layers.conditional_block import ConditionalBlock
from ccfpse_tf.models.discriminators.fpse import FPSEDiscriminator
from ccfpse_tf.models.discriminators.multiscale import MultiscaleDiscriminator
from ccfpse_tf.models.generators.ccfpse import Generator
from ccfpse_tf.models.generators.spade import SpadeGenerator
from ccfpse_tf.models.style_encoder import StyleEncoder
from tests.layers.contract import randomize


def block():
    layer = ConditionalBlock(2, hidden=3)
    layer.build((None, None, None, 4), (None, None, None, 5))
    return layer


FIXTURES = Path(__file__).parent.parent / "fixtures"
NORM = {"weight": 1.0, "bias": 0.0, "running_mean": 0.0, "running_var": 1.0}
MAKERS = {
    "generator": lambda: Generator(3, (32, 64), ngf=1, z_dim=4, hidden=3),
    "generator without style": lambda: Generator(3, (32, 32), 1, z_dim=0, hidden=3),
    "deep generator": lambda: Generator(3, (64, 64), 1, depth=6, z_dim=0, hidden=3),
    "discriminator": lambda: FPSEDiscriminator(3, ndf=2),
    "SPADE's discriminator": lambda: MultiscaleDiscriminator(3, 2),
    "pix2pixHD's discriminator": lambda: MultiscaleDiscriminator(3, 2, 3, "pix2pixhd"),
    "SPADE's generator": lambda: SpadeGenerator(3, (32, 64), 2, z_dim=4, hidden=3),
    "SPADE's deepest": lambda: SpadeGenerator(3, (128, 128), 2, 7, z_dim=0, hidden=3),
    "encoder": lambda: StyleEncoder(ngf=1, z_dim=4),
    "block": block,
}
# Tensors of the official files, less those that nothing reads: for each block norm_0
# and two norms in its conditional convolutions (5 tensors each), and for every other
# batch norm its counter.
TENSORS = {
    "generator": 495 - 7 * 15 - (7 * 2 + 16 + 4),
    "generator without style": 495 - 7 * 15 - (7 * 2 + 16 + 4),
    "deep generator": 519 - 7 * 15 - (7 * 2 + 19 + 4),
    "discriminator": 42,
    "SPADE's discriminator": 26,
    "pix2pixHD's discriminator": 30,
    "SPADE's generator": 234 - 18,
    "SPADE's deepest": 234 - 18 + 3 * 8 + 2 * 4 + 3,  # an eighth block
    "encoder": 22,
    "block": 4 * 4 + 2 * 2 + 2 * 4 + 3 + 2 + 3 * 2,
}


@functools.cache
def make(name):
    """Shared between tests, as building takes a second: set the weights first."""
    part = MAKERS[name]()
    if not part.built:
        part.build()
    return part


def weights(part):
    return [np.asarray(weight).copy() for weight in part.weights]


@pytest.mark.parametrize("name", MAKERS)
def test_round_trip(name):
    keras.utils.set_random_seed(0)
    part = randomize(make(name))
    before = weights(part)
    state = official_state(part)
    assert len(state) == len(part.weights) == TENSORS[name]
    for weight in part.weights:
        weight.assign(np.full(weight.shape, 9.0))
    assert load_official(part, state) == []
    for value, expected in zip(weights(part), before, strict=True):
        np.testing.assert_array_equal(value, expected)


def test_every_weight_has_one_name():
    for name in MAKERS:
        found = list(entries(make(name)))
        names = [entry.name for entry in found]
        paths = [entry.variable.path for entry in found]
        assert len(set(names)) == len(names)
        assert len(set(paths)) == len(paths)


@pytest.mark.parametrize(
    ("part", "names"),
    [
        (
            "generator",
            {
                "fc.weight": (32, 4),
                "labelenc1.0.0.weight_orig": (1, 3, 3, 3),
                "labelenc6.0.1.running_var": (1,),
                "labellat5.0.0.weight_v": (1,),
                "labeldec5.0.0.weight_u": (1,),
                "head_0.gen_weights1.0.weight": (3, 4, 3, 3),
                "G_middle_1.gen_se_weights2.2.bias": (16,),
                "up_0.conv_s.weight_orig": (8, 16, 1, 1),
                "up_3.norm_s.mlp_gamma.weight": (2, 3, 3, 3),
                "up_3.norm_s.param_free_norm.running_mean": (2,),
                "conv_img.weight": (3, 1, 3, 3),
            },
        ),
        ("generator without style", {"fc.weight": (16, 3, 3, 3)}),
        ("deep generator", {"labelenc7.0.0.weight_orig": (1, 1, 3, 3)}),
        (
            "discriminator",
            {
                "enc1.0.0.weight_orig": (2, 3, 3, 3),
                "lat5.0.0.weight_orig": (8, 16, 1, 1),
                "lat2.0.0.weight_orig": (8, 4, 1, 1),
                "final4.0.0.weight_u": (4,),
                "tf.weight": (1, 4, 1, 1),
                "seg.bias": (4,),
                "embedding.weight": (4, 3, 1, 1),
            },
        ),
        (
            "encoder",
            {
                "layer1.0.weight_orig": (1, 3, 3, 3),
                "layer6.0.weight_v": (72,),
                "fc_mu.weight": (4, 128),
                "fc_var.bias": (4,),
            },
        ),
    ],
)
def test_official_names_and_shapes(part, names):
    state = official_state(make(part))
    assert {name: state[name].shape for name in names} == names


def test_lateral_layers_keep_their_level():
    """Ours run from coarse to fine; the official numbers name levels."""
    state = official_state(make("discriminator"))
    channels = [state[f"lat{level}.0.0.weight_orig"].shape[1] for level in (2, 3, 4, 5)]
    assert channels == [4, 8, 16, 16]


def test_tap_major_kernels_by_hand():
    """Official channel ``c * 9 + tap`` is ours ``tap * channels + c``."""
    layer = make("block")
    state = official_state(randomize(layer))
    for prefix, predictor, channels in (
        ("gen_weights1", layer.first_kernels, 4),
        ("gen_weights2", layer.second_kernels, 2),
    ):
        name = f"{prefix}.2.weight"
        rng = np.random.default_rng(channels)
        theirs = rng.normal(size=state[name].shape).astype(np.float32)
        bias = rng.normal(size=9 * channels).astype(np.float32)
        load_official(layer, state | {name: theirs, f"{prefix}.2.bias": bias})
        kernel = np.asarray(predictor.output_convolution.kernel)
        ours = np.asarray(predictor.output_convolution.bias)
        for c, tap in np.ndindex(channels, 9):
            official, mine = c * 9 + tap, tap * channels + c
            assert ours[mine] == bias[official]
            for i, u, v in np.ndindex(3, 3, 3):
                assert kernel[u, v, i, mine] == theirs[official, i, u, v]


def test_attention_is_not_permuted():
    layer = make("block")
    state = official_state(randomize(layer))
    bias = np.asarray(layer.first_attention.output_convolution.bias)
    np.testing.assert_array_equal(state["gen_se_weights1.2.bias"], bias)


def test_spectral_vectors_by_hand():
    """``v`` is flattened (in, kh, kw) there and (kh, kw, in) here."""
    part = make("discriminator")
    state = official_state(randomize(part))
    name = "enc2.0.0"
    v = np.arange(18, dtype=np.float32)
    load_official(part, state | {f"{name}.weight_v": v})
    convolution = part.bottom_up[1].convolution
    mine = np.asarray(convolution.v).reshape(3, 3, 2)
    for i, u, w in np.ndindex(2, 3, 3):
        assert mine[u, w, i] == v[(i * 3 + u) * 3 + w]
    # sigma is the same number on both sides.
    theirs = state[f"{name}.weight_orig"].reshape(4, -1)
    vector = np.asarray(convolution.u)
    matrix = np.asarray(convolution.kernel).reshape(-1, 4)
    np.testing.assert_allclose(
        vector @ theirs @ v, mine.ravel() @ matrix @ vector, rtol=1e-5
    )


def test_dense_is_transposed():
    part = make("encoder")
    state = official_state(randomize(part))
    np.testing.assert_array_equal(state["fc_mu.weight"], np.asarray(part.mean.kernel).T)


def test_unused_tensors_are_dropped_and_named():
    part = make("generator")
    state = official_state(randomize(part))
    unused = {
        "head_0.norm_0.weight": np.ones(16),
        "head_0.norm_0.num_batches_tracked": np.array(0),
        "up_3.conv_0.norm_layer.running_mean": np.ones(2),
        "up_3.conv_2.norm_layer.bias": np.ones(1),
        "labelenc1.0.1.num_batches_tracked": np.array(7),
    }
    before = weights(part)
    assert load_official(part, state | unused) == sorted(unused)
    for value, expected in zip(weights(part), before, strict=True):
        np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize("z_dim", [0, 4])
@pytest.mark.parametrize(("depth", "variant"), [(5, "normal"), (6, "more")])
def test_complete_states_have_the_official_names_in_their_order(depth, variant, z_dim):
    part = make(
        {(5, 4): "generator", (5, 0): "generator without style"}.get(
            (depth, z_dim), "deep generator"
        )
    )
    with np.load(FIXTURES / "generator.npz") as file:
        expected = file[f"{variant}_{'vae' if z_dim else 'novae'}/sd_names"].tolist()
    assert list(complete_state(part)) == expected


def test_unused_tensors_are_written_as_they_start_there():
    part = randomize(make("generator"))
    state, used = complete_state(part), official_state(part)
    assert [name for name in state if not is_unused(name)] == list(used)
    for name, value in used.items():
        assert state[name].tobytes() == value.tobytes()
        assert state[name].dtype == np.float32 and state[name].flags.c_contiguous
    norm = {name: state[f"up_0.norm_0.{name}"] for name in NORM}
    assert {name: x.tolist() for name, x in norm.items()} == {
        name: [value] * 8 for name, value in NORM.items()
    }
    assert state["up_0.conv_0.norm_layer.bias"].shape == (16,)
    assert state["up_0.conv_2.norm_layer.bias"].shape == (8,)
    counter = state["labelenc1.0.1.num_batches_tracked"]
    assert (counter.shape, counter.dtype, int(counter)) == ((), np.int64, 0)
    assert len(load_official(part, state)) == 7 * 15 + 34


@pytest.mark.parametrize(
    ("name", "unused"),
    [
        ("norm_0.weight", True),
        ("up_1.norm_0.running_var", True),
        ("conv_0.norm_layer.weight", True),
        ("labelenc1.0.1.num_batches_tracked", True),
        ("up_1.norm_1.weight", False),
        ("up_1.norm_s.param_free_norm.running_var", False),
        ("up_1.conv_1.weight", False),
        ("xnorm_0.weight", False),
    ],
)
def test_is_unused(name, unused):
    assert is_unused(name) is unused


def test_no_counterpart_is_called_unused():
    for name in MAKERS:
        assert not [x for x in official_state(make(name)) if is_unused(x)]


def test_all_problems_are_listed_and_nothing_changes():
    part = make("discriminator")
    state = official_state(randomize(part))
    before = weights(part)
    wrong = {name: value + 1 for name, value in state.items()}
    del wrong["tf.bias"], wrong["enc3.0.0.weight_u"]
    wrong["seg.weight"] = np.zeros((5, 4, 1, 1))
    wrong["lat2.0.0.weight_v"] = np.zeros((4, 1))
    wrong["spare.weight"] = np.zeros(1)
    with pytest.raises(InputError) as caught:
        load_official(part, wrong)
    first, *problems = str(caught.value).splitlines()
    assert "does not fit FPSEDiscriminator" in first
    assert [line.strip() for line in problems] == [
        "enc3.0.0.weight_u: missing",
        "lat2.0.0.weight_v: shape (4, 1), expected (4,)",
        "seg.weight: shape (5, 4, 1, 1), expected (4, 4, 1, 1)",
        "spare.weight: not in this model",
        "tf.bias: missing",
    ]
    for value, expected in zip(weights(part), before, strict=True):
        np.testing.assert_array_equal(value, expected)


def test_a_generator_of_another_depth_does_not_fit():
    state = official_state(make("deep generator"))
    with pytest.raises(InputError, match=r"labelenc7\.0\.0\.weight_orig: not in this"):
        load_official(make("generator without style"), state)


def test_other_models_have_no_counterpart():
    with pytest.raises(TypeError, match="no official counterpart of Dense"):
        official_state(keras.layers.Dense(1))
