"""The run folder: ``config.json``, ``checkpoints/``, ``logs/``, ``status.json``."""

import dataclasses
import json
from importlib.metadata import version
from pathlib import Path

from ccfpse_tf.config import Config, flatten, from_dict
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.atomic import write_json
from ccfpse_tf.files.locks import RUN_LOCK
from ccfpse_tf.files.text_files import read_json
from ccfpse_tf.runs.converted import refuse_training

PACKAGES = ("ccfpse-tf", "keras", "tensorflow", "numpy", "pillow")
# Keys that change the written files or the place of the data, but not the training.
FREE_KEYS = {
    "data.bank",
    "data.records",
    "discriminator.backbone_weights",  # the file has one SHA-256, wherever it is
    "evaluation.every_epochs",
    "evaluation.images",
    "evaluation.segmenter",
    "evaluation.fid",
    "evaluation.fid_resize",
    "evaluation.features",
    "schedule.checkpoint_every",
    "schedule.checkpoint_minutes",
    "schedule.keep",
    "schedule.validate_every",
    "schedule.validation_images",
    "schedule.best",
    "schedule.skips_allowed",
    "schedule.images_every",
    "schedule.images",
    "schedule.log_every",
}
# The first training of a converted run must keep these keys: they shape its weights.
NETWORK_SECTIONS = ("generator.", "discriminator.")
NETWORK_KEYS = ("name", "data.image_size", "preset")
IDENTITY = (
    "name",
    "num_classes",
    "dont_care_index",
    "instances",
    "label_mapping",
    "class_names",
)


@dataclasses.dataclass(frozen=True)
class Run:
    """A run folder and the config it was made with."""

    directory: Path
    config: Config

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.directory / "checkpoints"

    @property
    def logs(self) -> Path:
        """Folder of the TensorBoard logs."""
        return self.directory / "logs"


def is_run(directory: Path) -> bool:
    """True for the folder of a run."""
    return (Path(directory) / "config.json").is_file()


def read_run(directory: Path) -> Run:
    """Opens an existing run.

    Raises:
        InputError: not a run folder, or a ``config.json`` that cannot be read.
    """
    return Run(Path(directory), _stored(Path(directory))[0])


def read_data(run: Run) -> dict:
    """Returns the run's data as in ``config.json``, by the keys in ``IDENTITY``.

    Raises:
        InputError: as :func:`read_run`.
    """
    return _stored(run.directory)[1]


def make_run(directory: Path, config: Config, data: dict) -> Run:
    """Writes a new run folder for weights that come from elsewhere.

    Args:
        directory: does not exist yet.
        config: a config that builds the networks.
        data: by the keys in ``IDENTITY``, as far as it is known; the first training
            adopts the rest, and all keys of the config that do not shape a network.
    """
    run = Run(directory, config)
    run.checkpoints.mkdir(parents=True)
    run.logs.mkdir()
    _write(directory / "config.json", config, data)
    return run


def identity(description) -> dict:
    """Returns the facts of a description that a run is bound to, as JSON values."""
    values = {key: getattr(description, key) for key in IDENTITY}
    return json.loads(json.dumps(values))  # tuples to lists, as they are read back


def open_run(directory: Path, config: Config, description) -> Run:
    """Makes a run folder, or checks that an existing one goes on with this config.

    Args:
        directory: the run folder; it may not exist yet.
        config: of the command `train`.
        description: the records' description, a dataclass.

    Raises:
        InputError: a folder that holds something else, or a run that was made with
            another config or other data: all differing keys, both values, the way out.
            The folder is left as it is.
    """
    check_folder(directory, config, description)
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    _write(directory / "config.json", config, _described(description))
    run = Run(directory, config)
    run.checkpoints.mkdir(exist_ok=True)
    run.logs.mkdir(exist_ok=True)
    return run


def check_folder(directory: Path, config: Config, description) -> None:
    """Raises what :func:`open_run` would raise, before anything costly is begun."""
    directory = Path(directory)
    data = _described(description)
    if (directory / "config.json").exists():
        stored, stored_data = _stored(directory)
        refuse_training(directory)
        differences = _config_differences(stored, config, stored_data)
        differences += _data_differences(stored_data, data)
        if differences:
            raise InputError(_other_config(directory, differences))
    elif directory.exists() and not directory.is_dir():
        raise InputError(f"--run {directory} is a file; name a folder")
    elif directory.exists() and {x.name for x in directory.iterdir()} - {RUN_LOCK}:
        raise InputError(
            f"--run {directory} holds files but no config.json, so it is not a run; "
            "name a new folder, nothing in this one is touched"
        )


def is_begun(directory: Path) -> bool:
    """Returns whether a training in the folder was begun, which fixed its config.

    Raises:
        InputError: a ``config.json`` that cannot be read.
    """
    directory = Path(directory)
    if not (directory / "config.json").exists():
        return False
    return not _never_trained(_stored(directory)[1])


def network_settings(config: Config) -> dict[str, object]:
    """Returns the keys that shape the networks, and their values as JSON has them."""
    flat = {
        key: value
        for key, value in flatten(config).items()
        if _shapes_networks(key) and key not in FREE_KEYS
    }
    return json.loads(json.dumps(flat))  # tuples to lists, as they are read back


def settings(config: Config) -> dict[str, object]:
    """Returns the keys that steps of the training depend on, and their values."""
    flat, free = flatten(config), _free_keys(config)
    return {key: flat[key] for key in flat if key not in free}


def _free_keys(config):
    constant = config.schedule.decay_epochs == 0  # rates: longer is only longer
    return FREE_KEYS | ({"schedule.epochs"} if constant else set())


def _stored(directory):
    path = directory / "config.json"
    if not path.exists():
        raise InputError(
            f"{directory} is not a run folder: it has no config.json; `train --run` "
            "makes one"
        )
    values = read_json(path, "a run's config")
    if not isinstance(values, dict) or not {"config", "data"} <= values.keys():
        raise InputError(f"{path} is damaged: it lacks 'config' or 'data'")
    return from_dict(values["config"], str(path)), values["data"]


def _described(description) -> dict:
    values = identity(description)
    for name, split in description.splits.items():
        # Shards too: the order of the data depends on how they were cut.
        values[f"{name} images"] = split.count
        values[f"{name} shards"] = split.shards
        values[f"{name} height, width"] = (split.height, split.width)
    return json.loads(json.dumps(values))  # tuples to lists, as they are read back


def _write(path, config, data):
    content = {
        "config": dataclasses.asdict(config),
        "data": data,
        "versions": {name: version(name) for name in PACKAGES},
    }
    write_json(path, content)


def _never_trained(stored_data):
    """Returns True if a run was converted and has not been trained on records yet."""
    return not any(key.endswith(" images") for key in stored_data)


def _config_differences(stored, asked, stored_data):
    old, new = flatten(stored), flatten(asked)
    free = _free_keys(stored) & _free_keys(asked)
    if _never_trained(stored_data):
        free = {key for key in old if not _shapes_networks(key)}
    return [
        f"{key}: the run has {old[key]!r}, now {new[key]!r}"
        for key in old
        if old[key] != new[key] and key not in free
    ]


def _shapes_networks(key):
    return key in NETWORK_KEYS or key.startswith(NETWORK_SECTIONS)


def _data_differences(stored, found):
    keys = stored | found
    if _never_trained(stored):
        keys = [key for key in stored if key != "name"]
    return [
        f"records, {key}: the run has {_short(stored.get(key))}, now "
        f"{_short(found.get(key))}"
        for key in keys
        if stored.get(key) != found.get(key)
    ]


def _short(value, limit=120):
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _other_config(directory, differences):
    return (
        f"{directory} was made with another config:\n  "
        + "\n  ".join(differences)
        + "\nGive the run's own values (--set key=value, --method, --records, "
        "--preset) to resume it, or another --run to start anew. Nothing was changed."
    )
