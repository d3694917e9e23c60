"""Converts official checkpoints to a run folder, for images and further training."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from ccfpse_tf.config import (
    Config,
    DataConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    LossConfig,
    ScheduleConfig,
)
from ccfpse_tf.convert.data_choice import OWN, DataChoice, check_channels
from ccfpse_tf.convert.infer import (
    image_size,
    infer_discriminator,
    infer_encoder,
    infer_generator,
    infer_patch_discriminator,
    with_depth,
)
from ccfpse_tf.convert.infer_pix2pixhd import infer_pix2pixhd, pix2pixhd_kind
from ccfpse_tf.convert.official_files import LETTERS, OfficialFile, read_official_file
from ccfpse_tf.convert.published_models import PUBLISHED_MODELS, PublishedModel
from ccfpse_tf.convert.state import load_official
from ccfpse_tf.data.datasets import DATASETS
from ccfpse_tf.data.description import Description, write_description
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.atomic import new_folder, write_json
from ccfpse_tf.files.output_folder import refuse_existing
from ccfpse_tf.gan.build import build_model
from ccfpse_tf.runs.checkpoints import CheckpointStore
from ccfpse_tf.runs.converted import FILE_NAME
from ccfpse_tf.runs.run_folder import identity, make_run

ANY_DATA = "folder"  # the recipe for data without their own recipe
FPSE_SIGN = "embedding.weight"
# Weights of feature matching: of a mean over FPSE's levels, of SPADE's sum over layers.
AVERAGED, SUMMED = 20.0, 10.0


@dataclasses.dataclass(frozen=True)
class Conversion:
    """The result of a conversion: config, data, files, and the parts left out.

    ``dropped`` holds names of official tensors by network, ``missing`` the networks
    that no file was given for; their weights in the checkpoint are random.
    """

    directory: Path
    config: Config
    description: Description
    sources: Mapping[str, OfficialFile]
    dropped: Mapping[str, list[str]]
    missing: tuple[str, ...]


def convert_official(
    files: Mapping[str, Path],
    data: DataChoice,
    out: Path,
    size: tuple[int, int] | None = None,
    depth: int | None = None,
) -> Conversion:
    """Makes a run folder of official files, at step 0 and with new optimisers.

    Args:
        files: of ``"generator"``, and maybe ``"discriminator"`` and ``"encoder"``.
        data: the data that the model is for.
        out: folder to make, whole or not at all.
        size: (height, width) of the images, where the files do not tell it.
        depth: upsamplings of the generator, where the files do not tell them.

    Raises:
        InputError: files that cannot be read or do not fit each other, the data or the
            size; a folder that is there already.
    """
    refuse_existing(out, "--out")
    with new_folder(out) as aside:
        sources = {kind: read_official_file(file, kind) for kind, file in files.items()}
        description = data.describe()
        config = infer_config(sources, description, size, data.records, depth)
        model = build_model(config, description, 1, training=False)
        dropped = {}
        for kind, source in sources.items():
            try:
                dropped[kind] = load_official(getattr(model, kind), source.state)
            except InputError as error:
                raise InputError(f"{source.path}: {error}") from None
        parts = ["discriminator"] + (["encoder"] if model.encoder is not None else [])
        missing = tuple(kind for kind in parts if kind not in sources)
        conversion = Conversion(out, config, description, sources, dropped, missing)
        _write(aside, conversion, model)
    return conversion


def infer_config(
    sources: Mapping[str, OfficialFile],
    description: Description,
    size: tuple[int, int] | None = None,
    records: Path | None = None,
    depth: int | None = None,
) -> Config:
    """Returns the config of the networks in official files.

    Args:
        sources: the files by network, the generator's among them.
        description: of the data that the user named.
        size: (height, width), where the files do not tell it.
        records: folder that the description is of.
        depth: upsamplings of the generator, where the files do not tell them.

    Raises:
        InputError: files that contradict each other or what the user says.
    """
    source = str(sources["generator"].path)
    known = DATASETS.get(description.name)
    # Other data sets of the table are converted as if trained like COCO-Stuff.
    published = PUBLISHED_MODELS.get(description.name, PublishedModel())
    if pix2pixhd_kind(sources["generator"].state):
        return _pix2pixhd_config(sources, description, known, size, records, published)
    shape = infer_generator(sources["generator"].state, source)
    check_channels(description, shape.semantic_channels, source)
    _check_encoder(sources, shape, source)
    usual = (known.image_size, published.depth) if known else (None, None)
    # The published size is a guess, which what the user says may contradict.
    seen = size or (usual[0] if depth is None else None)
    shape = with_depth(shape, source, depth, seen, usual[1])
    adversary = _discriminator(sources, description, shape.architecture)
    weight = SUMMED if adversary.architecture == "multiscale" else AVERAGED
    return Config(
        name=known.name if known else ANY_DATA,
        generator=GeneratorConfig(
            architecture=shape.architecture,
            ngf=shape.ngf,
            depth=shape.depth,
            z_dim=shape.z_dim,
            hidden=shape.hidden,
        ),
        discriminator=adversary,
        losses=LossConfig(feature_matching=weight),
        data=DataConfig(
            records=str(Path(records).resolve()) if records else "",
            image_size=image_size(shape, source, size, *usual),
        ),
        schedule=ScheduleConfig(
            epochs=published.epochs, decay_epochs=published.decay_epochs
        ),
    )


def _pix2pixhd_config(sources, description, known, size, records, published):
    source = sources["generator"].path
    size = size or (known and known.image_size)
    if not size:
        raise InputError(
            f"{source}: the tensors do not tell the image size; give "
            "--image-size HEIGHTxWIDTH"
        )
    base = Config(
        name=known.name if known else ANY_DATA,
        data=DataConfig(
            records=str(Path(records).resolve()) if records else "", image_size=size
        ),
        schedule=ScheduleConfig(
            epochs=published.epochs, decay_epochs=published.decay_epochs
        ),
    )
    return infer_pix2pixhd(sources, description, base)


def _discriminator(sources, description, generator):
    """The discriminator's section; without its file, that of the generator's method."""
    if "discriminator" not in sources:
        usual = "multiscale" if generator == "spade" else "fpse"
        return DiscriminatorConfig(architecture=usual)
    source = sources["discriminator"]
    if FPSE_SIGN in source.state:
        ndf, channels = infer_discriminator(source.state, str(source.path))
        chosen = DiscriminatorConfig(ndf=ndf)
    else:
        ndf, channels, scales = infer_patch_discriminator(
            source.state, str(source.path)
        )
        chosen = DiscriminatorConfig(architecture="multiscale", ndf=ndf, scales=scales)
    check_channels(description, channels, str(source.path))
    return chosen


def _check_encoder(sources, shape, generator):
    if "encoder" not in sources:
        return
    source = sources["encoder"]
    ngf, z_dim = infer_encoder(source.state, str(source.path))
    if not shape.z_dim:
        raise InputError(
            f"{generator}: this generator has no style code, so it has no encoder "
            f"either; leave {source.path} out, or give the generator it belongs to"
        )
    if (ngf, z_dim) != (shape.ngf, shape.z_dim):
        raise InputError(
            f"{source.path}: the encoder has ngf {ngf} and a style code of {z_dim}, "
            f"{generator} has ngf {shape.ngf} and {shape.z_dim}; give the encoder that "
            "was trained with this generator"
        )


def _write(aside, conversion, model):
    data = identity(conversion.description)
    if conversion.description.name == OWN:
        del data["class_names"]  # "class 0" and so on are ours
    run = make_run(aside, conversion.config, data)
    CheckpointStore(model, run.checkpoints, config=run.config).save()
    write_description(aside, conversion.description)
    write_json(aside / FILE_NAME, _origin(conversion))


def _origin(conversion):
    return {
        "sources": {
            LETTERS[kind]: {"file": str(source.path), "sha256": source.sha256}
            for kind, source in conversion.sources.items()
        },
        "missing": list(conversion.missing),
        "dropped": {LETTERS[kind]: names for kind, names in conversion.dropped.items()},
    }
