"""The table of metrics that `evaluate` can measure, one row for each.

To add a metric, write a file in `metrics/` with a subclass of
:class:`~ccfpse_tf.evaluation.image_metric.ImageMetric` and a function that opens it,
and add a row to `METRICS`. The user's choice of it is a field of :class:`Measures` and
an option of the same name in `commands/evaluate.py`.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.image_metric import ImageMetric
from ccfpse_tf.evaluation.image_source import ImageSource
from ccfpse_tf.evaluation.metrics.diversity import open_diversity
from ccfpse_tf.evaluation.metrics.feature_distance import (
    check_feature_network,
    open_feature_distance,
)
from ccfpse_tf.evaluation.metrics.paired_distance import open_paired_distance
from ccfpse_tf.evaluation.metrics.segmentation import (
    check_segmenter,
    open_segmentation,
)


@dataclasses.dataclass(frozen=True)
class Measures:
    """The metrics to measure, and their options.

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
        features: a feature network in place of Inception: ``NAME`` or ``NAME:FILE`` of
            `networks.lite_features`, or a file.
        reference: ``.npz`` of the photographs' statistics, read or made; None: in the
            folder of the results.
        st_lpips: ``"alex"`` or ``"vgg"``, alone or with ``:FILE`` of its weights, for
            the distance of every image and its photograph.
        diversity: styles per layout, 0 for none.
        diversity_network: ``"vgg19"``, ``"st-lpips"`` or a file.
        diversity_weights: of VGG19 (Keras's) or ST-LPIPS; None downloads the former,
            and takes the latter from the installed package.
    """

    segmenter: str | None = None
    label_size: tuple[int, int] | None = None
    single_scale: bool = False
    normalisation: str | None = None
    real: bool = True
    fid: str | None = None
    fid_resize: str = "pytorch-fid"
    fid_sha256: str | None = None
    features: str | Path | None = None
    reference: Path | None = None
    st_lpips: str | None = None
    diversity: int = 0
    diversity_network: str = "vgg19"
    diversity_weights: Path | None = None


# Fields of `Measures` one of which asks for the metric, and what opens it. The order is
# that of the results, and of the state of an evaluation that was stopped.
METRICS: tuple[tuple[tuple[str, ...], Callable[..., ImageMetric]], ...] = (
    (("segmenter",), open_segmentation),
    (("fid", "features"), open_feature_distance),
    (("st_lpips",), open_paired_distance),
    (("diversity",), open_diversity),
)


def check_files(measures: Measures, description) -> None:
    """Checks the networks that a training measures by, and opens none of them.

    Args:
        measures: the metrics that are wanted; ``segmenter``, ``fid`` and ``features``
            are looked at.
        description: of the records.

    Raises:
        InputError: a file that is not there, or a segmenter of other classes; what
            :func:`open_metrics` would raise.
    """
    if measures.segmenter:
        check_segmenter(measures, description)
    if measures.fid or measures.features:
        check_feature_network(measures)


def open_metrics(
    measures: Measures, source: ImageSource, out: Path
) -> list[ImageMetric]:
    """Opens the networks; :meth:`ImageMetric.prepare` makes what takes longer.

    Args:
        measures: the metrics that are wanted.
        source: of the images.
        out: folder of the results.

    Raises:
        InputError: nothing to measure, or a network that cannot be opened.
    """
    metrics = [
        open_metric(measures, source, out)
        for asking, open_metric in METRICS
        if any(getattr(measures, name) for name in asking)
    ]
    if not metrics:
        raise InputError(
            "nothing to measure: add --segmenter SPEC, --fid download (or the graph's "
            "path), --features efficientnet-lite0 (or FILE), --st-lpips alex or "
            "--diversity K"
        )
    return metrics
