"""Official checkpoints into a run folder that draws and, if complete, trains."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from ccfpse_tf.config import (
    Config,
    DataConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    ScheduleConfig,
)
from ccfpse_tf.convert.data_choice import OWN, DataChoice, check_channels
from ccfpse_tf.convert.infer import (
    image_size,
    infer_discriminator,
    infer_encoder,
    infer_generator,
)
from ccfpse_tf.convert.output import new_folder
from ccfpse_tf.convert.sources import LETTERS, OfficialFile, read_source
from ccfpse_tf.convert.state import load_official
from ccfpse_tf.data.datasets import DATASETS
from ccfpse_tf.data.description import Description, write_description, write_json
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan.build import build_model
from ccfpse_tf.runs.checkpoints import CheckpointStore
from ccfpse_tf.runs.converted import FILE_NAME
from ccfpse_tf.runs.run_folder import identity, make_run

ANY_DATA = "folder"  # the recipe for data without a recipe of their own


@dataclasses.dataclass(frozen=True)
class ConvertedRun:
    """A run that was made of official files, and what was left out.

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
) -> ConvertedRun:
    """Makes a run folder of official files: step 0, with optimisers that are fresh.

    Args:
        files: of ``"generator"``, and maybe ``"discriminator"`` and ``"encoder"``.
        data: what the model is for.
        out: folder to make; written under a hidden name and renamed.
        size: (height, width) of the images, where the files do not tell.

    Raises:
        InputError: files that cannot be read or do not fit each other, the data or the
            size; a folder that is there already.
    """
    with new_folder(out, "--out") as aside:
        sources = {kind: read_source(file, kind) for kind, file in files.items()}
        description = data.describe()
        config = infer_config(sources, description, size, data.records)
        model = build_model(_without_vgg(config), description, 1)
        dropped = {}
        for kind, source in sources.items():
            try:
                dropped[kind] = load_official(getattr(model, kind), source.state)
            except InputError as error:
                raise InputError(f"{source.path}: {error}") from None
        parts = ["discriminator"] + (["encoder"] if config.generator.z_dim else [])
        missing = tuple(kind for kind in parts if kind not in sources)
        report = ConvertedRun(out, config, description, sources, dropped, missing)
        _write(aside, report, model)
    return report


def infer_config(
    sources: Mapping[str, OfficialFile],
    description: Description,
    size: tuple[int, int] | None = None,
    records: Path | None = None,
) -> Config:
    """Returns the config of the networks in official files.

    Args:
        sources: the files by network, the generator's among them.
        description: of the data that the user named.
        size: (height, width), where the files do not tell.
        records: folder that the description is of.

    Raises:
        InputError: files that contradict each other or what the user says.
    """
    source = str(sources["generator"].path)
    shape = infer_generator(sources["generator"].state, source)
    check_channels(description, shape.semantic_channels, source)
    _check_encoder(sources, shape, source)
    known = DATASETS.get(description.name)
    usual = (known.image_size, known.depth) if known else (None, None)
    return Config(
        name=known.name if known else ANY_DATA,
        generator=GeneratorConfig(shape.ngf, shape.depth, shape.z_dim, shape.hidden),
        discriminator=_discriminator(sources, description),
        data=DataConfig(
            records=str(Path(records).resolve()) if records else "",
            image_size=image_size(shape, source, size, *usual),
        ),
        schedule=(
            ScheduleConfig(known.epochs, known.decay_epochs)
            if known
            else ScheduleConfig()
        ),
    )


def _discriminator(sources, description):
    if "discriminator" not in sources:
        return DiscriminatorConfig()
    source = sources["discriminator"]
    ndf, channels = infer_discriminator(source.state, str(source.path))
    check_channels(description, channels, str(source.path))
    return DiscriminatorConfig(ndf)


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


def _without_vgg(config):
    losses = dataclasses.replace(config.losses, vgg="off")
    return dataclasses.replace(config, losses=losses)


def _write(aside, report, model):
    data = identity(report.description)
    if report.description.name == OWN:
        del data["class_names"]  # "class 0" and so on are ours
    run = make_run(aside, report.config, data)
    CheckpointStore(model, run.checkpoints).save()
    write_description(aside, report.description)
    write_json(aside / FILE_NAME, _origin(report))


def _origin(report):
    return {
        "sources": {
            LETTERS[kind]: {"file": str(source.path), "sha256": source.sha256}
            for kind, source in report.sources.items()
        },
        "missing": list(report.missing),
        "dropped": {LETTERS[kind]: names for kind, names in report.dropped.items()},
    }
