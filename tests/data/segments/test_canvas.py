"""Canvases: what is pasted where, and how the layout changes."""

import numpy as np
import pytest

from ccfpse_tf.data.segments import canvas as canvases
from ccfpse_tf.data.segments.canvas import canvas_of, training_canvas
from ccfpse_tf.data.segments.class_order import Enclosure
from ccfpse_tf.data.segments.color_transfer import recolored
from ccfpse_tf.data.segments.extraction import segments_of
from ccfpse_tf.data.segments.filled import LayoutFiller
from tests.data.segments.made_bank import (
    BOX,
    GROUND,
    POLE,
    SIZE,
    VOID,
    layout,
    make_bank,
    photo,
)

LABELS = [layout(8, 4), layout(10, 24), layout(0, 0)]


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    return make_bank(tmp_path_factory.mktemp("banks") / "bank", LABELS)


@pytest.fixture
def whole(monkeypatch):
    """Nothing is elided."""
    monkeypatch.setattr(canvases, "ELISION", 0.0)
    monkeypatch.setattr(canvases, "TRAINING_ELISION", 0.0)


def drawn(bank, label, **options):
    return canvas_of(bank, label, np.random.default_rng(0), **options)


def test_the_best_segments_are_pasted(bank, whole):
    canvas = drawn(bank, LABELS[1])
    np.testing.assert_array_equal(canvas.colors, photo(1))
    np.testing.assert_array_equal(canvas.label, LABELS[1])
    assert canvas.mask.all()
    other = drawn(bank, LABELS[1], exclude=1)
    assert not (other.colors == photo(1)).all(-1).any()


def test_the_layout_takes_the_outlines_of_what_was_pasted(bank, whole):
    asked = layout(9, 6)
    canvas = drawn(bank, asked)
    box, found = asked == BOX, LABELS[0] == BOX
    assert (canvas.label[found] == BOX).all()
    np.testing.assert_array_equal(canvas.colors[found], photo(0)[found])
    # What was asked for and not found is void, unless the ground has material there.
    rest = box & ~found
    assert set(canvas.label[rest]) <= {VOID, GROUND}
    np.testing.assert_array_equal(canvas.mask, canvas.colors.any(-1))
    void = canvas.label == VOID
    assert not canvas.mask[void].any()


def test_without_void_the_layout_keeps_its_classes(tmp_path, whole):
    bank = make_bank(tmp_path / "bank", LABELS, void=None)
    canvas = drawn(bank, layout(9, 6))
    assert set(np.unique(canvas.label)) <= {GROUND, BOX}


def test_segments_without_material_stay_in_the_layout(bank, whole):
    label = layout(8, 4)
    label[:, 40] = POLE  # there is none in the bank
    canvas = drawn(bank, label)
    assert (canvas.label[:, 40] == POLE).all()
    assert not canvas.mask[:, 40].any() and not canvas.colors[:, 40].any()


def test_black_pixels_are_no_material(tmp_path, whole, monkeypatch):
    bank = make_bank(tmp_path / "bank", LABELS)
    dark = photo(0)
    dark[10, 8] = 0
    monkeypatch.setattr(bank, "image", lambda number: dark)
    canvas = drawn(bank, LABELS[0])
    assert not canvas.mask[10, 8] and canvas.label[10, 8] == VOID


def test_half_of_the_edges_is_elided_in_white(bank):
    tall = np.kron(LABELS[0], np.ones((8, 8), np.int32))
    shape = tall == BOX
    radius = int(canvases.ELISION * len(tall)) // 2
    band = canvases._band(shape, radius, outside=False)
    rows, columns = np.nonzero(shape)
    inner = np.zeros_like(shape)
    inner[
        rows.min() + radius : rows.max() + 1 - radius,
        columns.min() + radius : columns.max() + 1 - radius,
    ] = True
    np.testing.assert_array_equal(band, shape & ~inner)
    both = canvases._band(shape, radius, outside=True)
    assert (both & ~shape).any() and (both & shape == band).all()
    label = LABELS[0]
    canvas = canvas_of(bank, label, np.random.default_rng(0))
    white = (canvas.colors == 255).all(-1)
    assert canvas.mask.all() and not white.any()  # 32 rows have no band of a pixel
    canvas = training_canvas(bank, photo(0), label, np.random.default_rng(0))
    assert canvas.mask[(canvas.colors == 255).all(-1)].all()


def test_bands_are_white_and_stay_in_the_mask(bank, monkeypatch):
    monkeypatch.setattr(canvases, "ELISION", 4 / SIZE[0])
    canvas = drawn(bank, LABELS[1])
    white = (canvas.colors == 255).all(-1)
    band = canvases._band(LABELS[1] == BOX, 2, False)
    band |= canvases._band(LABELS[1] == GROUND, 2, False) & (LABELS[1] == GROUND)
    assert 0.3 < white[band].mean() < 0.7 and not white[~band].any()
    assert canvas.mask.all()
    again = canvas_of(bank, LABELS[1], np.random.default_rng(0))
    np.testing.assert_array_equal(again.colors, canvas.colors)


def test_training_canvases_show_the_photograph_itself(bank, whole, monkeypatch):
    monkeypatch.setattr(canvases, "RECOLORED_SHARE", 0.0)
    label, image = layout(9, 6), photo(7)
    canvas = training_canvas(bank, image, label, np.random.default_rng(0), exclude=None)
    np.testing.assert_array_equal(canvas.colors[canvas.mask], image[canvas.mask])
    box = (label == BOX) & (LABELS[0] == BOX)
    assert canvas.mask[box].all()
    assert not canvas.mask[(label == BOX) & ~box].any()
    # Only a hundred images are looked at, never the own one.
    seen = []
    original = canvases.search

    def recording(*arguments, **options):
        found = original(*arguments, **options)
        seen.extend(match.image for match in found)
        return found

    monkeypatch.setattr(canvases, "search", recording)
    training_canvas(bank, image, LABELS[1], np.random.default_rng(0), exclude=1)
    assert seen and 1 not in seen


def test_some_training_segments_take_other_colours(bank, whole, monkeypatch):
    monkeypatch.setattr(canvases, "RECOLORED_SHARE", 1.0)
    label, image = LABELS[0], photo(7)
    canvas = training_canvas(bank, image, label, np.random.default_rng(0), exclude=0)
    assert canvas.mask.any()
    assert (canvas.colors[canvas.mask] != image[canvas.mask]).any()


def test_colours_are_moved_to_the_others_mean_and_covariance():
    random = np.random.default_rng(0)
    mix = random.normal(size=(2, 3, 3)) * 12
    a, b = (128 + random.normal(size=(4000, 3)) @ part for part in mix)
    a, b = (np.clip(x, 0, 255).astype(np.uint8) for x in (a, b))
    found = recolored(a, b).astype(float)
    np.testing.assert_allclose(found.mean(0), b.mean(0), atol=1)
    np.testing.assert_allclose(np.cov(found.T), np.cov(b.T.astype(float)), atol=25)
    np.testing.assert_array_equal(recolored(a, a), a)
    np.testing.assert_array_equal(recolored(a[:1], b), a[:1])
    grey = np.full((5, 3), 9, np.uint8)
    np.testing.assert_array_equal(recolored(a, grey).mean(0).round(), [9, 9, 9])


def test_what_lies_within_others_is_in_front():
    enclosure = Enclosure(4)
    for label in LABELS:
        label = label.copy()
        label[12, 10] = POLE
        enclosure.add(label, list(segments_of(label, [GROUND, BOX, POLE])))
    assert enclosure.order([POLE, BOX, GROUND]) == [GROUND, BOX, POLE]
    assert enclosure.pixels.sum() == len(LABELS) * SIZE[0] * SIZE[1]


def test_layouts_are_filled_the_same_way_every_time(bank):
    label = np.stack([LABELS[0], layout(9, 6)])
    colors, mask, changed = LayoutFiller(bank)(label)
    assert colors.shape == (2, *SIZE, 3) and colors.dtype == mask.dtype == np.float32
    assert changed.dtype == np.int32 and colors.max() <= 1
    for again in (LayoutFiller(bank)(label[1:]), LayoutFiller(bank)(label[1:])):
        for a, b in zip(again, (colors, mask, changed), strict=True):
            np.testing.assert_array_equal(a[0], b[1])
