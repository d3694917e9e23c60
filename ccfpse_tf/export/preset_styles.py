"""Style codes of training photos that are far from each other."""

import io

import numpy as np
from PIL import Image

from ccfpse_tf.data.pipeline import evaluation_dataset
from ccfpse_tf.data.record_errors import clear_record_errors
from ccfpse_tf.data.transforms import resize_image
from ccfpse_tf.export.comparison import drawn_by
from ccfpse_tf.gan.synthesizer import Synthesizer
from ccfpse_tf.presets.preset import Style

PHOTOS = 256  # the first ones of the training, which codes are chosen from
BATCH = 8
EDGE = 96  # pixels of a picture's shorter edge


def choose_styles(
    model: Synthesizer, records, size, layout: tuple, count: int
) -> tuple[Style, ...]:
    """Returns styles of training photos, the most usual one first.

    Args:
        model: with a style encoder.
        records: folder of the training's records.
        size: ``(height, width)`` of images.
        layout: ``(label, instance or None)`` that the pictures show.
        count: how many at most; equal codes are taken once.
    """
    keys, codes = [], []
    photos = evaluation_dataset(records, size, BATCH, split="train")
    with clear_record_errors(records):
        for batch in photos.take(-(-PHOTOS // BATCH)):
            keys += [key.decode() for key in batch["key"].numpy()]
            codes += list(np.asarray(model.encode(batch["image"])[0], np.float32))
    codes = np.stack(codes)
    return tuple(
        Style(codes[index], _picture(model, layout, codes[index]), keys[index])
        for index in far_apart(codes, count)
    )


def far_apart(codes: np.ndarray, count: int) -> list[int]:
    """Chooses rows that are far from each other (farthest-point selection).

    The first is the one nearest to the mean, each other one the farthest from those
    chosen before (Gonzalez 1985).

    Args:
        codes: ``(number, values)``.
        count: how many; fewer if all others are equal to chosen ones.
    """
    chosen = [int(np.argmin(np.linalg.norm(codes - codes.mean(0), axis=1)))]
    distances = np.linalg.norm(codes - codes[chosen[0]], axis=1)
    while len(chosen) < count and distances.max() > 0:
        chosen.append(int(distances.argmax()))
        apart = np.linalg.norm(codes - codes[chosen[-1]], axis=1)
        distances = np.minimum(distances, apart)
    return chosen


def _picture(model, layout, code):
    label, instance = layout
    inputs = {"label": label[None], "z": code[None]}
    if instance is not None:
        inputs["instance"] = instance[None]
    image = drawn_by(model, inputs)[0].astype(np.uint8)
    share = min(1, EDGE / min(image.shape[:2]))
    small = resize_image(image, tuple(round(n * share) for n in image.shape[:2]))
    file = io.BytesIO()
    Image.fromarray(small).save(file, "PNG", optimize=True)
    return file.getvalue()
