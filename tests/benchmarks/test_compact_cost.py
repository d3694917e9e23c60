"""The count of a compact generator's arithmetic."""

from itertools import pairwise

from benchmarks.compact_cost import multiply_adds
from ccfpse_tf.models.generators.ccfpse_compact import CompactGenerator


def test_arithmetic():
    model = CompactGenerator(3, (64, 64), ngf=1, z_dim=2, hidden=1, embedding=1)
    model.build()
    places = [4, 16, 64, 256, 1024]
    pyramid = [9 * 4] + [9] * 4  # the first reads four embeddings
    count = sum(a * b for a, b in zip(pyramid, places[::-1], strict=True))
    count += sum(10 * n for n in places[1:])  # lateral and top-down
    count += 9 * 8 * places[0]  # latent
    channels = [8, 8, 8, 4, 2, 1]
    for (before, after), n in zip(pairwise(channels), places, strict=True):
        predictor = 9 + 2 * 4 + 3 * after
        mixtures = 9 * 4 * (before + after)
        pointwise = before * after + after * after
        shortcut = before * after if before != after else 0
        count += n * (predictor + mixtures + pointwise + shortcut)
    count += 9 * 4 * 8 * places[-1]  # a cell's four pixels, of eight channels
    count += 9 * 8 * 3 * 4 * places[-1]  # their colours
    assert multiply_adds(model, (64, 64)) == count


def test_the_default_is_within_its_budget():
    model = CompactGenerator(200, (256, 256))
    model.build()
    assert multiply_adds(model, (256, 256)) < 9e9
