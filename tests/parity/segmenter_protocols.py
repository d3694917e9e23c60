"""The evaluation networks' test protocols and metrics, summed up by NumPy alone."""

from collections.abc import Iterator

import numpy as np

from ccfpse_tf.data.datasets import DATASETS
from ccfpse_tf.evaluation.evaluators.published import EVALUATORS
from ccfpse_tf.evaluation.networks.drn import bilinear_kernel
from tests.parity.checks import ARITHMETIC, EXACT, Check, absolute

INPUTS = 1e-5
SCORES = 1e-4  # summed log-probabilities
PROBABILITIES = 5e-6
MEANS = 5e-4  # of a mean IoU or accuracy, where single pixels may differ


def set_bilinear(network):
    """Gives DRN the upsampling of the released files."""
    kernel = network.upsampling.kernel
    tents = bilinear_kernel(kernel.shape[0] // 2)
    kernel.assign(np.repeat(tents[..., None], kernel.shape[-1], -1))


def evaluator(kind, network, **options):
    """The evaluator of a fixture's network."""
    (dataset,) = (data for data in DATASETS.values() if data.segmenter == kind)
    return EVALUATORS[kind](network, dataset, **options)


def confusion(pairs, classes: int) -> np.ndarray:
    """``(classes, classes)``: row the label, column the prediction."""
    counts = np.zeros((classes, classes), np.int64)
    for label, prediction in pairs:
        label, prediction = label.astype(np.int64), prediction.astype(np.int64)
        judged = label < classes
        np.add.at(counts, (label[judged], prediction[judged]), 1)
    return counts


def ious(counts: np.ndarray) -> np.ndarray:
    """Per class, NaN where it is neither labelled nor predicted."""
    hits = np.diag(counts)
    union = counts.sum(0) + counts.sum(1) - hits
    return np.where(union > 0, hits / np.maximum(union, 1), np.nan)


def mean_iou(counts: np.ndarray, rule: str) -> float:
    """By one of the evaluators' three rules."""
    found = ious(counts)
    if rule == "present":
        return float(np.nanmean(found))
    if rule == "labelled":
        return float(np.nanmean(found[counts.sum(1) > 0]))
    return float(np.nan_to_num(found).mean())


def _pixels(name, ours, theirs, share) -> Check:
    """Share of pixels that differ, against the share of near ties."""
    differ = np.mean(ours != theirs) if ours.shape == theirs.shape else np.inf
    return Check(f"{name} (share of pixels)", float(differ), float(share))


def _shares(run):
    (key,) = (key for key in run if key.startswith("share of pixels"))
    return {image: values[0] for image, values in run[key].items()}


def _filled(values):
    """Fixtures hold NaN where a class does not occur."""
    return np.nan_to_num(np.asarray(values, np.float64), nan=-1)


def _drn_protocol(fixture, network) -> Iterator[Check]:
    network.classifier.bias.assign(fixture["protocol/seg_bias"])
    set_bilinear(network)
    for mode in ("single", "ms"):
        judge = evaluator("drn", network, multi_scale=mode == "ms")
        run = fixture.entry["test_protocol_run"][mode]
        pairs, ours = [], []
        for image in run["images"]:
            key = f"protocol/{mode}/{image}"
            picture = fixture[f"{image}/image_u8"]
            label, theirs = fixture[f"{key}/label"], fixture[f"{key}/pred"]
            if mode == "ms":
                yield from _drn_scales(fixture, key, judge, picture)
            found = judge.predict(picture, label.shape)
            yield _pixels(f"{key}/pred", found, theirs, _shares(run)[image])
            pairs.append((label, theirs))
            ours.append((label, found))
        yield from _drn_metric(fixture, f"protocol/{mode}", pairs, judge.miou)
        returned = fixture[f"protocol/{mode}/returned"] / 100
        found = mean_iou(confusion(ours, judge.classes), judge.miou)
        yield absolute(f"protocol/{mode} mIoU of ours", found, returned, MEANS)


def _drn_scales(fixture, key, judge, picture):
    inputs = list(judge.inputs(picture))
    sizes = [x.shape[1:3] for x in inputs]
    name = f"{key}/input_sizes_hw"
    yield absolute(name, sizes, fixture[name], EXACT)
    yield from fixture.compare(f"{key}/input_x0.5", inputs[1], INPUTS)
    scores = judge.scores(picture, picture.shape[:2])[None]
    yield from fixture.compare(f"{key}/sum_log_probs", scores, SCORES)


def _drn_metric(fixture, key, pairs, rule="present") -> Iterator[Check]:
    counts = confusion(pairs, 19)
    yield absolute(f"{key}/hist", counts, fixture[f"{key}/hist"], EXACT)
    name = f"{key}/iou_percent"
    found, theirs = _filled(100 * ious(counts)), _filled(fixture[name])
    yield absolute(name, found, theirs, 100 * ARITHMETIC)
    found = np.round(100 * mean_iou(counts, rule), 2)
    yield absolute(f"{key}/returned", found, fixture[f"{key}/returned"], ARITHMETIC)


def _upernet_protocol(fixture, network) -> Iterator[Check]:
    judge = evaluator("upernet", network, label_mapping="raw")
    shares = _shares(fixture.entry["test_protocol_run"])
    pairs, ours = [], []
    for image in fixture.entry["test_protocol_run"]["images"]:
        key = f"protocol/5scale/{image}"
        picture, png = fixture[f"{image}/image_u8"], fixture[f"{key}/label_png"]
        inputs = list(judge.inputs(picture))
        sizes, name = [x.shape[1:3] for x in inputs], f"{key}/input_sizes_hw"
        yield absolute(name, sizes, fixture[name], EXACT)
        yield from fixture.compare(f"{key}/input_300", inputs[0], INPUTS)
        scores = judge.scores(picture, png.shape)
        yield from fixture.compare(f"{key}/mean_probs", scores[None], PROBABILITIES)
        found, theirs = np.argmax(scores, -1), fixture[f"{key}/pred"]
        yield _pixels(f"{key}/pred", found, theirs, shares[image])
        pairs.append((key, judge.labels(png), theirs))
        ours.append((judge.labels(png), found))
    yield from _upernet_metric(fixture, "protocol/5scale", pairs, judge.miou)
    found = mean_iou(confusion(ours, judge.classes), judge.miou)
    theirs = fixture["protocol/5scale/mean_iou"]
    yield absolute("protocol/5scale mIoU of ours", found, theirs, MEANS)


def _upernet_metric(fixture, key, pairs, rule="all") -> Iterator[Check]:
    total = np.zeros((150, 150), np.int64)
    for name, label, prediction in pairs:
        counts = confusion([(label, prediction)], 150)
        total += counts
        hits = np.diag(counts)
        for what, found, tolerance in (
            ("intersection", hits, EXACT),
            ("union", counts.sum(0) + counts.sum(1) - hits, EXACT),
            ("labelled_pixels", counts.sum(), EXACT),
            ("accuracy", hits.sum() / counts.sum(), ARITHMETIC),
        ):
            theirs = fixture[f"{name}/{what}"]
            yield absolute(f"{name}/{what}", found, theirs, tolerance)
    for what, found, unit in (
        ("iou", np.nan_to_num(ious(total)), 1),
        ("mean_iou", mean_iou(total, rule), 1),
        ("accuracy_percent", 100 * np.diag(total).sum() / total.sum(), 100),
    ):
        theirs = fixture[f"{key}/{what}"]
        yield absolute(f"{key}/{what}", found, theirs, unit * ARITHMETIC)


def _deeplab_protocol(fixture, network) -> Iterator[Check]:
    network.scale_rule = "factor"  # of the PyTorch that the fixture was run with
    judge = evaluator("deeplab", network)
    shares = _shares(fixture.entry["test_protocol_run"])
    pairs, ours = [], []
    for image in fixture.images:
        label = fixture[f"protocol/{image}/label"]
        found = judge.predict(fixture[f"{image}/image_u8"], label.shape)
        theirs = fixture[f"{image}/pred"]
        yield _pixels(f"{image}/pred", found, theirs, shares[image])
        known = np.where(label == 255, judge.classes, label)  # as our labels have it
        yield absolute(f"labels of {image}", judge.labels(known), label, EXACT)
        pairs.append((label, theirs))
        ours.append((label, found))
    yield from _deeplab_metric(fixture, "protocol", pairs, judge.miou)
    found = mean_iou(confusion(ours, judge.classes), judge.miou)
    yield absolute("mIoU of ours", found, fixture["protocol/mean_iou"], MEANS)


def _deeplab_metric(fixture, key, pairs, rule="labelled") -> Iterator[Check]:
    counts = confusion(pairs, 182)
    rows, hits = counts.sum(1), np.diag(counts)
    there = rows > 0
    for what, found in (
        ("pixel_accuracy", hits.sum() / counts.sum()),
        ("mean_accuracy", np.mean(hits[there] / rows[there])),
        (
            "frequency_weighted_iou",
            (rows[there] * ious(counts)[there]).sum() / counts.sum(),
        ),
        ("mean_iou", mean_iou(counts, rule)),
        ("class_iou", _filled(ious(counts))),
    ):
        theirs = _filled(fixture[f"{key}/{what}"])
        yield absolute(f"{key}/{what}", found, theirs, ARITHMETIC)


def _synthetic(fixture, label="label"):
    """Labels and predictions that do not come from a network."""
    count = len(
        [
            key
            for key in fixture.data
            if key.startswith("metric/") and key.endswith("/pred")
        ]
    )
    for index in range(count):
        yield fixture[f"metric/{index}/{label}"], fixture[f"metric/{index}/pred"]


def _upernet_synthetic(fixture):
    pairs = enumerate(_synthetic(fixture, "label_png"))
    # 0 becomes 255, which no class has.
    pairs = [(f"metric/{i}", label - np.uint8(1), pred) for i, (label, pred) in pairs]
    return _upernet_metric(fixture, "metric", pairs)


RUNS = {
    "drn": _drn_protocol,
    "upernet": _upernet_protocol,
    "deeplab": _deeplab_protocol,
}
METRICS = {
    "drn": lambda fixture: _drn_metric(fixture, "metric", list(_synthetic(fixture))),
    "upernet": _upernet_synthetic,
    "deeplab": lambda fixture: _deeplab_metric(
        fixture, "metric", list(_synthetic(fixture))
    ),
}
