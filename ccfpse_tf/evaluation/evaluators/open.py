"""Opens the evaluator that a command line names."""

from pathlib import Path

from ccfpse_tf.data.datasets import DATASETS, Dataset
from ccfpse_tf.data.label_mapping import LABEL_MAPPINGS
from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.evaluators.coral import CoralEvaluator
from ccfpse_tf.evaluation.evaluators.evaluator import Evaluator, segmenter_ids
from ccfpse_tf.evaluation.evaluators.model_file import MODEL_FILE, ModelFileEvaluator
from ccfpse_tf.evaluation.evaluators.published import EVALUATORS
from ccfpse_tf.evaluation.networks.coral_deeplab import CoralDeepLab, find_file
from ccfpse_tf.evaluation.networks.deeplab import DeepLabV2
from ccfpse_tf.evaluation.networks.drn import DilatedResidualNetwork
from ccfpse_tf.evaluation.networks.upernet import UPerNet
from ccfpse_tf.evaluation.networks.weights import (
    load,
    read_state,
    require_weights,
    upernet_normalisation,
)

FORMS = (
    "drn:FILE, upernet:ENCODER,DECODER, upernet:FOLDER, deeplab:FILE, coral-deeplab, "
    "coral-deeplab:FILE, or the path of a .keras file, of a SavedModel's folder, or of "
    "a folder that `segmenter` made"
)
CORAL = "coral-deeplab"


def open_evaluator(
    spec: str,
    *,
    label_mapping: str | None = None,
    multi_scale: bool = True,
    image_size: tuple[int, int] | None = None,
    normalisation: str | None = None,
    num_classes: int | None = None,
) -> Evaluator:
    """Makes the evaluator that a specification names, with its weights.

    Args:
        spec: ``drn:FILE``, ``upernet:ENCODER,DECODER`` or ``upernet:FOLDER``,
            ``deeplab:FILE``, ``coral-deeplab:FILE``, ``coral-deeplab`` (which is
            downloaded once), or the path of a ``.keras`` file, of a SavedModel or of a
            folder that ``segmenter`` made.
        label_mapping: how the label indices to come were made (see
            ``label_mapping.file_ids``); None for the data set's own.
        multi_scale: whether a published network is tested at all its scales; models of
            one's own have but one.
        image_size: ``(height, width)`` to resize images to first, None for as they are.
        normalisation: which release a UPerNet is from, ``"imagenet"`` or ``"caffe"``,
            where its weights leave that open.
        num_classes: of the labels to come; a published network refuses labels of
            another data set by it. None checks nothing.

    Raises:
        InputError: another form of specification, files that are missing, cannot be
            read or do not fit, and options that do not belong to this evaluator.
    """
    dataset, files = find_evaluator(
        spec,
        label_mapping=label_mapping,
        normalisation=normalisation,
        num_classes=num_classes,
    )
    if dataset is None:
        mapping = label_mapping or LABEL_MAPPINGS[0]
        return ModelFileEvaluator(*files, mapping, image_size)
    kind = spec.partition(":")[0]
    if kind == CORAL:
        return CoralEvaluator(CoralDeepLab(*files), dataset, label_mapping)
    network = _loaded(kind, files, normalisation)
    return EVALUATORS[kind](
        network, dataset, label_mapping, multi_scale, image_size, files
    )


def find_evaluator(
    spec: str,
    *,
    label_mapping: str | None = None,
    normalisation: str | None = None,
    num_classes: int | None = None,
) -> tuple[Dataset | None, list[Path]]:
    """Finds the files of an evaluator, without opening them.

    Args:
        spec: see :func:`open_evaluator`, as for the others.
        label_mapping: of the label indices to come.
        normalisation: which release a UPerNet is from.
        num_classes: of the labels to come.

    Returns:
        The data set of a published network, or None for a model of one's own. And the
        files; none where the network is to be downloaded.

    Raises:
        InputError: another form of specification, files that are missing, and options
            that do not belong to this evaluator.
    """
    kind, colon, rest = spec.partition(":")
    if normalisation is not None and kind != "upernet":
        raise InputError(
            f"normalisation {normalisation!r}: only two releases of upernet differ in "
            f"it; leave it out for {spec}"
        )
    if spec != CORAL and (not colon or kind not in (CORAL, *EVALUATORS)):
        return None, [_model(spec, label_mapping)]
    dataset = _dataset(spec, kind, label_mapping, num_classes)
    if kind == CORAL:
        return dataset, [find_file(Path(rest))] if colon else []
    files = _upernet_files(rest) if kind == "upernet" else [Path(rest)]
    for file in files:
        require_weights(file)
    return dataset, files


def _dataset(spec, kind, label_mapping, num_classes):
    """The data set of a published network, whose labels those to come have to be."""
    (dataset,) = (
        data
        for data in DATASETS.values()
        if kind in (data.segmenter, *data.further_segmenters)
    )
    if num_classes not in (None, dataset.num_classes):
        raise InputError(
            f"{spec}: evaluates {dataset.title}, whose labels have "
            f"{dataset.num_classes} classes; these have {num_classes}; give the "
            ".keras file of a segmenter that was trained on your own data"
        )
    try:
        segmenter_ids(dataset, label_mapping or dataset.label_mappings[0])
    except ValueError as error:  # names the mappings that are allowed
        raise InputError(f"{spec}: {error}") from error
    return dataset


def _loaded(kind, files, normalisation):
    state = read_state(*files)
    network = _NETWORKS[kind](state, normalisation)
    load(network, state, " and ".join(str(file) for file in files))
    return network


_NETWORKS = {
    "drn": lambda state, _: DilatedResidualNetwork(),
    "deeplab": lambda state, _: DeepLabV2(),
    "upernet": lambda state, said: UPerNet(
        normalisation=upernet_normalisation(state, said)
    ),
}


def _model(spec, label_mapping):
    """The path of a model of one's own."""
    path = Path(spec)
    is_file = path.suffix == ".keras" and path.is_file()
    is_folder = any((path / name).is_file() for name in ("saved_model.pb", MODEL_FILE))
    if not is_file and not is_folder:
        found = "no such file or folder" if not path.exists() else "neither of these"
        raise InputError(f"evaluator {spec}: {found}; give {FORMS}")
    if label_mapping not in (None, *LABEL_MAPPINGS):
        raise InputError(
            f"{spec}: label mapping {label_mapping!r}; choose from "
            f"{', '.join(LABEL_MAPPINGS)}"
        )
    return path


def _upernet_files(rest):
    """The encoder's and the decoder's file."""
    folder = Path(rest)
    if not folder.is_dir():
        files = [Path(name) for name in rest.split(",")]
        if len(files) != 2:
            raise InputError(
                f"upernet:{rest}: names {len(files)} files and no folder; give "
                "upernet:ENCODER,DECODER or upernet:FOLDER"
            )
        return files
    files = []
    for part in ("encoder", "decoder"):
        found = sorted(
            path for path in folder.glob(f"{part}*") if path.suffix in (".pth", ".npz")
        )
        if len(found) != 1:
            names = ", ".join(path.name for path in found) or "none"
            raise InputError(
                f"{folder}: has to hold one {part}*.pth or {part}*.npz, found {names}; "
                "name both files: upernet:ENCODER,DECODER"
            )
        files += found
    return files
