"""Configs inferred from shapes of tensors, and files that contradict them."""

import dataclasses

import numpy as np
import pytest

from ccfpse_tf.convert.data_choice import DataChoice, check_channels
from ccfpse_tf.convert.infer import (
    GeneratorShape,
    check_finite,
    image_size,
    infer_discriminator,
    infer_encoder,
    infer_generator,
    infer_patch_discriminator,
    sizes,
    with_depth,
)
from ccfpse_tf.data.description import write_description
from ccfpse_tf.errors import InputError

DEEP = GeneratorShape(64, 6, 256, 128, 36, 32)


def generator(ngf=2, levels=6, z_dim=8, pixels=4, channels=5, hidden=3):
    """The tensors that are read, as zeros."""
    fc = (16 * ngf * pixels, z_dim) if z_dim else (16 * ngf, channels, 3, 3)
    shapes = {"fc.weight": fc, "labelenc1.0.0.weight_orig": (ngf, channels, 3, 3)}
    for level in range(2, levels + 1):
        shapes[f"labelenc{level}.0.0.weight_orig"] = (ngf, ngf, 3, 3)
    shapes["head_0.gen_weights1.0.weight"] = (hidden, channels + ngf, 3, 3)
    shapes["conv_img.weight"] = (3, ngf, 3, 3)
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


def discriminator(ndf=4, channels=5):
    shapes = {"enc1.0.0.weight_orig": (ndf, 3, 3, 3)}
    shapes["embedding.weight"] = (2 * ndf, channels, 1, 1)
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


def spade(ngf=2, z_dim=8, pixels=4, channels=5, hidden=3, eighth=False):
    """Those of SPADE's generator that are read."""
    fc = (16 * ngf * pixels, z_dim) if z_dim else (16 * ngf, channels, 3, 3)
    shapes = {
        "fc.weight": fc,
        "head_0.norm_0.mlp_shared.0.weight": (hidden, channels, 3, 3),
        "head_0.norm_0.mlp_gamma.weight": (16 * ngf, hidden, 3, 3),
        "conv_img.weight": (3, ngf // 2 if eighth else ngf, 3, 3),
    }
    if eighth:
        shapes["up_4.conv_0.bias"] = (ngf,)
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


def patches(ndf=4, channels=5, scales=2):
    shape = ndf, channels + 3, 4, 4
    return {
        f"discriminator_{scale}.model0.0.weight": np.zeros(shape, np.float32)
        for scale in range(scales)
    }


def encoder(ngf=2, z_dim=8):
    shapes = {"layer1.0.weight_orig": (ngf, 3, 3, 3), "fc_mu.weight": (z_dim, 128)}
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


def test_generators():
    assert infer_generator(generator(), "G") == GeneratorShape(2, 5, 8, 3, 5, 4)
    found = infer_generator(generator(levels=7, z_dim=0), "G")
    assert found == GeneratorShape(2, 6, 0, 3, 5, None)


def test_spade_generators_do_not_tell_depth_5_from_6():
    found = infer_generator(spade(), "G")
    assert found == GeneratorShape(2, None, 8, 3, 5, 4, "spade")
    assert infer_generator(spade(z_dim=0), "G").latent_pixels is None
    deepest = infer_generator(spade(ngf=4, eighth=True), "G")
    assert (deepest.ngf, deepest.depth, deepest.latent_pixels) == (4, 7, 4)


SPADE = GeneratorShape(64, None, 0, 128, 36, None, "spade")
STYLED = dataclasses.replace(SPADE, z_dim=256, latent_pixels=32)
DEEPEST = dataclasses.replace(SPADE, depth=7)


@pytest.mark.parametrize(
    ("shape", "asked", "size", "published", "depth"),
    [
        (SPADE, 5, None, None, 5),
        (SPADE, None, (256, 512), 6, 6),
        (SPADE, 5, (256, 512), 6, 5),
        (STYLED, None, (256, 512), None, 6),
        (STYLED, None, (128, 256), None, 5),
        (STYLED, 6, None, None, 6),
        (DEEPEST, None, (128, 128), 5, 7),
        (DEEP, None, None, 5, 6),
    ],
)
def test_depths(shape, asked, size, published, depth):
    assert with_depth(shape, "G.pth", asked, size, published).depth == depth


@pytest.mark.parametrize(
    ("shape", "asked", "size", "words"),
    [
        (SPADE, None, (256, 512), "same tensors; say which it is with --depth 5 or 6"),
        (STYLED, None, None, "same tensors"),
        (STYLED, 5, (256, 512), "--depth 5, .* images of 256x512 are .* depth 6"),
        (STYLED, None, (64, 64), "32 pixels makes no images of 64x64"),
        (DEEPEST, 6, None, "--depth 6, but its tensors are those of depth 7; leave"),
        (DEEP, 5, None, "depth 6; leave --depth out"),
    ],
)
def test_depths_that_cannot_be(shape, asked, size, words):
    with pytest.raises(InputError, match=words):
        with_depth(shape, "G.pth", asked, size, None)


def test_discriminators_and_encoders():
    assert infer_discriminator(discriminator(), "D") == (4, 5)
    assert infer_patch_discriminator(patches(scales=3), "D") == (4, 5, 3)
    assert infer_encoder(encoder(), "E") == (2, 8)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (discriminator(), "G.pth: holds a CC-FPSE discriminator, where a generator"),
        (patches(), "G.pth: holds a SPADE discriminator, where a generator"),
        (encoder(), "holds a CC-FPSE encoder"),
        ({"x": np.zeros(1)}, r"does not hold a CC-FPSE network.*'x'"),
        (
            generator(levels=0) | {"labelenc1.0.0.weight_orig": np.zeros(1)},
            "has 1 conv",
        ),
        (generator(levels=5), "has 5 convolutions labelenc1.*SPADE"),
        (generator() | {"fc.weight": np.zeros((33, 8))}, "33 rows.*16 ngf = 32"),
        (generator() | {"fc.weight": np.zeros(3)}, r"fc.weight has shape \(3,\)"),
        (
            {k: v for k, v in generator().items() if not k.startswith("head")},
            "head_0.gen_weights1.0.weight is missing",
        ),
    ],
)
def test_files_that_hold_no_generator(state, words):
    with pytest.raises(InputError, match=words):
        infer_generator(state, "G.pth")


def test_weights_that_are_no_numbers():
    check_finite(generator() | {"count": np.array(3)}, "G.pth")
    with pytest.raises(InputError, match=r"G\.pth: 1 tensors .*conv_img\.weight"):
        check_finite(generator() | {"conv_img.weight": np.full(2, np.nan)}, "G.pth")


def test_sizes_that_a_latent_layer_fits():
    shape = dataclasses.replace(DEEP, latent_pixels=4)
    assert sizes(shape) == [(64, 256), (128, 128), (256, 64)]
    assert sizes(dataclasses.replace(DEEP, latent_pixels=None)) == []


@pytest.mark.parametrize(
    ("changes", "asked", "usual", "depth", "expected"),
    [
        ({}, None, (256, 512), 6, (256, 512)),
        ({}, (512, 256), (256, 512), 6, (512, 256)),
        ({"latent_pixels": 1}, None, None, None, (64, 64)),
        ({"z_dim": 0, "latent_pixels": None}, None, (256, 512), 6, (256, 512)),
        ({"z_dim": 0, "latent_pixels": None}, (64, 64), None, None, (64, 64)),
        ({"depth": 5}, (128, 256), (256, 512), 6, (128, 256)),
    ],
)
def test_image_sizes(changes, asked, usual, depth, expected):
    shape = dataclasses.replace(DEEP, **changes)
    assert image_size(shape, "G.pth", asked, usual, depth) == expected


@pytest.mark.parametrize(
    ("changes", "asked", "usual", "depth", "words"),
    [
        (
            {},
            None,
            None,
            None,
            "do not tell the image size; give --image-size.*256x512",
        ),
        ({}, (256, 256), None, None, r"--image-size 256x256 .*made for .*256x512"),
        ({"latent_pixels": 8}, None, (256, 512), 6, "published model is for 256x512"),
        ({"depth": 5}, None, (256, 512), 6, "has 5 upsamplings, .* has 6"),
        ({"z_dim": 0, "latent_pixels": None}, None, None, None, "give --image-size"),
    ],
)
def test_image_sizes_that_cannot_be(changes, asked, usual, depth, words):
    shape = dataclasses.replace(DEEP, **changes)
    with pytest.raises(InputError, match=words):
        image_size(shape, "G.pth", asked, usual, depth)


def test_published_ade20k_weights_know_raw_labels():
    description = DataChoice("ade20k").describe()
    assert (description.label_mapping, description.dont_care_index) == ("raw", 0)
    assert description.label_ids[150] == 150 and description.semantic_channels == 151
    shifted = DataChoice("ade20k", label_mapping="shift").describe()
    assert (shifted.label_mapping, shifted.dont_care_index) == ("shift", 150)


@pytest.mark.parametrize("name", ["coco_stuff", "cityscapes", "scenes"])
def test_other_data_sets_have_one_mapping(name):
    description = DataChoice(name).describe()
    assert description.label_mapping == "identity" and not description.splits
    assert len(description.index_palette) == description.label_channels


def test_counts_alone():
    description = DataChoice(classes=12, dont_care=True, instances=True).describe()
    assert (description.num_classes, description.dont_care_index) == (12, 12)
    assert description.label_ids[255] == 12 and description.semantic_channels == 14


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "--dataset .*given: nothing"),
        ({"dataset": "coco_stuff", "classes": 3}, "in one way"),
        ({"dataset": "coco"}, "--dataset coco: choose from coco_stuff"),
        ({"dataset": "ade20k", "instances": True}, "belong to --classes"),
        ({"classes": 0}, "--classes 0"),
        ({"dataset": "ade20k", "label_mapping": "x"}, "ade20k has shift, raw"),
        ({"classes": 3, "label_mapping": "raw"}, "--classes has not"),
    ],
)
def test_contradicting_options(options, words):
    with pytest.raises(InputError, match=words):
        DataChoice(**options)


def test_records_of_the_other_mapping_are_refused(tmp_path):
    write_description(tmp_path, DataChoice("ade20k", label_mapping="shift").describe())
    with pytest.raises(InputError, match="'shift', the official code .* 'raw'"):
        DataChoice(records=tmp_path).describe()
    found = DataChoice(records=tmp_path, label_mapping="shift").describe()
    assert found.label_mapping == "shift"


def test_channels_of_other_data_are_refused():
    description = DataChoice("ade20k").describe()
    check_channels(description, 151, "G.pth")
    words = r"G\.pth: its network has 184 .* ade20k has 151 .*--dataset coco_stuff fits"
    with pytest.raises(InputError, match=words):
        check_channels(description, 184, "G.pth")
