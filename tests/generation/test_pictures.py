"""Colour-coded labels and grids, against hand-made arrays."""

import numpy as np

from ccfpse_tf.generation.pictures import BACKGROUND, GAP, colorize, grid


def test_colorize_paints_indices_and_darkens_instance_borders():
    palette = [(90, 0, 0), (0, 60, 0)]
    label = np.array([[0, 0, 1]])
    instance = np.array([[7, 8, 8]])
    assert colorize(label, palette).tolist() == [[[90, 0, 0], [90, 0, 0], [0, 60, 0]]]
    assert colorize(label, palette, instance).tolist() == [
        [[90, 0, 0], [30, 0, 0], [0, 60, 0]]
    ]


def test_grid_places_every_picture():
    def picture(value):
        return np.full((2, 3, 3), value, np.uint8)

    sheet = grid([[picture(1), picture(2)], [picture(3), picture(4)]])
    assert sheet.shape == (4 + GAP, 6 + GAP, 3)
    assert (sheet[:2, :3] == 1).all()
    assert (sheet[:2, 3 + GAP :] == 2).all()
    assert (sheet[2 + GAP :, :3] == 3).all()
    assert (sheet[2 : 2 + GAP] == BACKGROUND).all()
