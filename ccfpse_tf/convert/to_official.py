"""Writes a run's newest checkpoint as files that the official code loads."""

import dataclasses
from pathlib import Path

from ccfpse_tf.config import Config
from ccfpse_tf.convert.official_files import LETTERS
from ccfpse_tf.convert.published_models import PUBLISHED_MODELS
from ccfpse_tf.convert.state import complete_state
from ccfpse_tf.data.datasets import DATASETS
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.atomic import new_folder
from ccfpse_tf.files.output_folder import refuse_existing
from ccfpse_tf.files.pytorch import FORMATS, require_torch, write_tensors
from ccfpse_tf.gan.pix2pixhd_method import ENCODER_WIDTH, is_pix2pixhd
from ccfpse_tf.generation.trained_model import TrainedModel
from ccfpse_tf.runs.checkpoint_folder import require_checkpoint
from ccfpse_tf.runs.converted import missing_networks
from ccfpse_tf.runs.run_folder import Run, read_data, read_run

HIDDEN = 128  # these two are fixed in the official code
STYLE = 256
# Architectures of generator and discriminator that the official codes have.
OFFICIAL = (
    ("ccfpse", "fpse"),
    ("spade", "multiscale"),
    ("pix2pixhd", "multiscale_pix2pixhd"),
    ("pix2pixhd_local", "multiscale_pix2pixhd"),
)
UPSAMPLINGS = {5: "normal", 6: "more", 7: "most"}  # SPADE's names of depths


@dataclasses.dataclass(frozen=True)
class OfficialFiles:
    """The written files by letter, their step, and notes for the user."""

    directory: Path
    files: dict[str, Path]
    step: int
    options: str
    notes: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class _Channels:
    label_channels: int
    instances: bool


def export_official(run_directory: Path, out: Path, form: str = "zip") -> OfficialFiles:
    """Writes ``latest_net_{G,D,E}.pth`` with the official names, order and layout.

    Tensors that the official code never reads have the values they start with there.
    Where the run keeps a running average, the average is the generator that is written,
    as it makes the images. Networks that a converted run lacks are left out.

    Args:
        run_directory: the run.
        out: folder to make.
        form: ``"zip"`` or ``"legacy"``, see `torch_files.write_tensors`.

    Raises:
        InputError: no run or checkpoint, networks that the official code does not
            have, a folder in the way, no PyTorch.
    """
    if form not in FORMATS:
        raise InputError(f"--format {form}: choose {' or '.join(FORMATS)}")
    run = read_run(run_directory)
    require_checkpoint(run)
    _check_networks(run)
    missing = missing_networks(run.directory)
    refuse_existing(out, "--to-official")
    require_torch(f"--to-official {out}")  # before the model is built
    with new_folder(out) as aside:
        data = read_data(run)
        trained = TrainedModel(run, _channels(data))
        model, step = trained.model, trained.step
        parts = {
            "generator": model.drawing_generator,
            "discriminator": model.discriminator,
            "encoder": model.encoder,
        }
        names = {}
        for kind, part in parts.items():
            if part is None or kind in missing:
                continue
            name = f"latest_net_{LETTERS[kind]}.pth"
            write_tensors(aside / name, complete_state(part), form)
            names[LETTERS[kind]] = Path(out) / name
    options = official_options(run.config, data)
    return OfficialFiles(
        Path(out), names, step, options, tuple(_notes(run, data, missing))
    )


def official_options(config: Config, data: dict) -> str:
    """Returns the official command line's options that build the same networks.

    Args:
        config: of the run.
        data: its data, by the keys of ``runs.IDENTITY``.
    """
    if is_pix2pixhd(config):
        return _pix2pixhd_options(config, data)
    height, width = config.data.image_size
    generator = config.generator
    options = [
        f"--label_nc {data['num_classes']}",
        f"--ngf {generator.ngf} --ndf {config.discriminator.ndf}",
        f"--crop_size {width} --aspect_ratio {width / height:g}",
    ]
    if data["dont_care_index"] is not None:
        options.insert(1, "--contain_dontcare_label")
    if not data["instances"]:
        options.insert(1, "--no_instance")
    if generator.z_dim:
        options.append(f"--use_vae --z_dim {generator.z_dim}")
    if generator.architecture == "spade":
        options.append(f"--num_upsampling_layers {UPSAMPLINGS[generator.depth]}")
        if config.discriminator.scales != 2:
            options.append(f"--num_D {config.discriminator.scales}")
    return " ".join(options)


def _pix2pixhd_options(config, data):
    generator = config.generator
    channels, ngf = _channels(data).label_channels, generator.ngf
    if generator.architecture == "pix2pixhd_local":
        ngf //= 2**generator.enhancers  # there it is the outermost enhancer's
    options = [
        f"--label_nc {channels} --ngf {ngf} --ndf {config.discriminator.ndf}",
        f"--n_downsample_global {generator.downsamplings}",
        f"--n_blocks_global {generator.blocks} --num_D {config.discriminator.scales}",
    ]
    if generator.architecture == "pix2pixhd_local":
        options.append(
            f"--netG local --n_local_enhancers {generator.enhancers} "
            f"--n_blocks_local {generator.enhancer_blocks}"
        )
    if generator.instance_features:
        options.append(
            f"--{generator.pool_features}_feat --feat_num "
            f"{generator.instance_features} --nef "
            f"{generator.encoder_ngf or ENCODER_WIDTH} --n_downsample_E "
            f"{generator.downsamplings}"
        )
    if not data["instances"]:
        options.append("--no_instance")
    return " ".join(options)


def _check_networks(run: Run):
    generator, discriminator = run.config.generator, run.config.discriminator
    found = generator.architecture, discriminator.architecture
    names = "generator.architecture={} discriminator.architecture={}".format
    if found not in OFFICIAL:
        raise InputError(
            f"{run.directory}: has {names(*found)}; the official code only knows "
            + " and ".join(names(*pair) for pair in OFFICIAL)
            + "; `export` writes the generator for other uses"
        )
    if not generator.pyramid and generator.architecture == "ccfpse":
        raise InputError(
            f"{run.directory}: has generator.pyramid=false, which the official code "
            "does not know; `export` writes the generator for other uses"
        )


def _notes(run: Run, data, missing):
    generator = run.config.generator
    if generator.average_decay:
        yield "the generator is the running average of the trained one's weights"
    for kind in missing:
        yield f"no {kind}: the run was converted without one"
    if is_pix2pixhd(run.config):
        if generator.instance_features:
            yield "the clusters of instance features are not part of these files"
    elif generator.hidden != HIDDEN or generator.z_dim not in (0, STYLE):
        yield (
            f"generator.hidden is {generator.hidden} and z_dim {generator.z_dim}: the "
            f"official code is made for {HIDDEN}, and 0 or {STYLE}, and will refuse it"
        )
    if generator.depth == 6 and generator.architecture == "ccfpse":
        deep = [name for name, model in PUBLISHED_MODELS.items() if model.depth == 6]
        yield f"6 upsamplings: the official code has them for {', '.join(deep)} only"
    known = DATASETS.get(data["name"])
    if known and data["label_mapping"] != known.official_mapping:
        yield (
            f"the labels were mapped by {data['label_mapping']!r}, the official code "
            f"feeds them {known.official_mapping!r}: its images will be wrong unless "
            "its label files are changed"
        )


def _channels(data):
    care = data["dont_care_index"] is not None
    return _Channels(data["num_classes"] + care, data["instances"])
