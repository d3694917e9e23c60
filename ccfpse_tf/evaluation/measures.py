"""From what the user asks for to the judges of an evaluation."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.evaluators import open_evaluator
from ccfpse_tf.evaluation.judges import (
    DiversityJudge,
    FeatureJudge,
    Judge,
    SegmentationJudge,
)
from ccfpse_tf.evaluation.metrics.diversity import MapFile, VGG19Maps
from ccfpse_tf.evaluation.metrics.features import reference_summary
from ccfpse_tf.evaluation.networks.feature_file import FeatureFile
from ccfpse_tf.evaluation.networks.inception import InceptionFeatures
from ccfpse_tf.evaluation.source import Source

REFERENCE = "reference.npz"
_BATCH = 16


@dataclasses.dataclass(frozen=True)
class Measures:
    """What is to be measured.

    Args:
        segmenter: for mIoU and accuracy, see `evaluators.open_evaluator`.
        label_size: ``(height, width)`` that images (bicubic) and labels (nearest) are
            resized to for that; None: the images' own.
        single_scale: whether the segmenter leaves its own test-time scales out.
        normalisation: which release a UPerNet is from, if its weights leave that open.
        real: whether it also segments the photographs.
        fid: ``"download"``, a path of the Inception graph, or None.
        fid_resize: one of `models.inception.RESIZES`.
        fid_sha256: that the graph must have.
        features: a feature network in place of Inception, a file.
        reference: ``.npz`` of the photographs' statistics, read or made; None: beside
            the results.
        diversity: styles per layout, 0 for none.
        diversity_network: ``"vgg19"`` or a file.
        diversity_weights: of VGG19 (Keras's); None downloads them.
    """

    segmenter: str | None = None
    label_size: tuple[int, int] | None = None
    single_scale: bool = False
    normalisation: str | None = None
    real: bool = True
    fid: str | None = None
    fid_resize: str = "pytorch-fid"
    fid_sha256: str | None = None
    features: Path | None = None
    reference: Path | None = None
    diversity: int = 0
    diversity_network: str = "vgg19"
    diversity_weights: Path | None = None


def make_judges(measures: Measures, source: Source, out: Path) -> list[Judge]:
    """Opens the networks and, for distances, the statistics of the photographs.

    Raises:
        InputError: nothing to measure, or a network that cannot be had.
    """
    judges: list[Judge] = []
    if measures.segmenter:
        judges.append(_segmentation_judge(measures, source))
    if network := _feature_network(measures):
        judges.append(_feature_judge(network, measures, source, out))
    if measures.diversity:
        judges.append(_diversity_judge(measures, source))
    if not judges:
        raise InputError(
            "nothing to measure: add --segmenter SPEC, --fid download (or the graph's "
            "path), --features FILE or --diversity K"
        )
    return judges


def _segmentation_judge(measures, source):
    evaluator = open_evaluator(
        measures.segmenter,
        label_mapping=source.description.label_mapping,
        multi_scale=not measures.single_scale,
        image_size=measures.label_size,
        normalisation=measures.normalisation,
        num_classes=source.description.num_classes,
    )
    size = measures.label_size or source.size
    return SegmentationJudge(evaluator, size, measures.real)


def _feature_network(measures):
    if measures.fid and measures.features:
        raise InputError("--fid and --features exclude each other: evaluate twice")
    if measures.features:
        return FeatureFile(measures.features)
    if measures.fid:
        path = None if measures.fid == "download" else measures.fid
        return InceptionFeatures(path, measures.fid_resize, measures.fid_sha256)
    return None


def _feature_judge(network, measures, source, out):
    summary = reference_summary(
        Path(measures.reference or out / REFERENCE),
        source.real_facts(),
        network,
        _batches(source),
    )
    facts = {"reference": "real, " + source.images.split}
    return FeatureJudge(network, summary, facts, _BATCH)


def _batches(source) -> Iterator[tuple[list[str], np.ndarray]]:
    keys, images = [], []
    for key, image in source.real_images():
        keys.append(key)
        images.append(image)
        if len(keys) == _BATCH:
            yield keys, np.stack(images)
            keys, images = [], []
    if keys:
        yield keys, np.stack(images)


def _diversity_judge(measures, source):
    if measures.diversity < 2:
        raise InputError(f"--diversity {measures.diversity}: must be 2 or more")
    source.require_styles()
    if measures.diversity_network == "vgg19":
        maps = VGG19Maps("keras", measures.diversity_weights)
    else:
        maps = MapFile(measures.diversity_network)
    return DiversityJudge(maps, measures.diversity, source.draw_styles)
