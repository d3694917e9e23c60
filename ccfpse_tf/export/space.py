"""The folder of a hosted demo of a preset: a Gradio app with everything it needs."""

import shutil
from pathlib import Path

from ccfpse_tf import __version__
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.atomic import new_folder
from ccfpse_tf.files.output_folder import refuse_existing
from ccfpse_tf.presets.front_matter import front_matter
from ccfpse_tf.presets.preset import Preset
from ccfpse_tf.runtime.templates import render

TEMPLATES = Path(__file__).parent / "templates" / "space"
GRADIO = "6.31.0"  # that the app was run with


def space_of(folder: Path) -> Path:
    """Returns the folder of the demo that belongs to the preset in ``folder``.

    Raises:
        InputError: it is there already, maybe with changes of the user.
    """
    space = folder.with_name(f"{folder.name}-space")
    refuse_existing(space, "--space")
    return space


def write_space(
    space: Path, folder: Path, preset: Preset, files: list[str], licence: str | None
) -> list[str]:
    """Writes the folder of a demo, whole or not at all.

    Args:
        space: to make.
        folder: of the preset, which is copied.
        preset: what is in it.
        files: the names of its files.
        licence: of the weights, if it is known.

    Returns:
        The names of the files, but for those of the preset.

    Raises:
        InputError: a preset without layouts, which a visitor could start from.
        OSError: as the system reports it.
    """
    if not preset.layouts:
        raise InputError(f"--space: the preset {preset.name} has no example layouts")
    values = {"title": preset.title, "name": preset.name, "gradio": GRADIO}
    metadata = {
        "title": preset.title,
        "sdk": "gradio",
        "sdk_version": GRADIO,
        "app_file": "app.py",
    }
    if licence:
        metadata["license"] = licence
    texts = {
        "README.md": front_matter(metadata) + render(TEMPLATES / "README.md", **values),
        "requirements.txt": render(TEMPLATES / "requirements.txt", version=__version__),
        "app.py": (TEMPLATES / "app.py").read_text(encoding="utf-8"),
    }
    with new_folder(space) as aside:
        for name, text in texts.items():
            (aside / name).write_text(text, encoding="utf-8")
        (aside / "preset").mkdir()
        for name in files:
            shutil.copyfile(folder / name, aside / "preset" / name)
    return sorted(texts)
