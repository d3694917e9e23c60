"""Official files through the converter and back, and the networks' outputs."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.parity import checks
from tests.parity.checks import Check, absolute
from tests.parity.fixture import Fixture, nchw, nhwc


def checkpoint(fixture: Fixture) -> Iterator[Check]:
    """Converts every folder of files, generates, converts back into both formats.

    Raises:
        ImportError: no PyTorch.
    """
    import torch  # noqa: F401, the runner skips without it

    for name in sorted({name.split("/")[0] for name in fixture.entry["files"]}):
        with tempfile.TemporaryDirectory() as folder:
            yield from _folder(fixture, name, Path(folder))


def _folder(fixture, name, work):
    from ccfpse_tf.convert.data_choice import DataChoice
    from ccfpse_tf.convert.from_official import convert_official
    from ccfpse_tf.convert.official_files import find_files
    from ccfpse_tf.convert.to_official import export_official

    config = fixture.config
    data = DataChoice(
        classes=config["label_nc"],
        dont_care=config["contain_dontcare_label"],
        instances=not config["no_instance"],
    )
    width = config["crop_size"]
    size = (round(width / config["aspect_ratio"]), width)
    files = find_files(fixture.path.parent / "checkpoints" / name)
    report = convert_official(files, data, work / "run", size)
    found = report.config
    inferred = (found.generator.ngf, found.generator.z_dim, found.discriminator.ndf)
    expected = (config["ngf"], config["z_dim"], config["ndf"])
    yield absolute(f"{name}/inferred", inferred, expected, checks.EXACT)
    yield from _outputs(fixture, name, work / "run")
    for form in ("zip", "legacy"):
        back = export_official(work / "run", work / form, form)
        yield from _round_trip(f"{name} to {form}", files, back.files, report.dropped)


def _outputs(fixture, name, directory):
    from ccfpse_tf.generation.trained_model import TrainedModel
    from ccfpse_tf.models.style_encoder import sample_style
    from ccfpse_tf.runs.data_check import describe_data
    from ccfpse_tf.runs.run_folder import read_run

    data, run = fixture.data, read_run(directory)
    _, description = describe_data(run, labels=True)
    model = TrainedModel(run, description).model
    label = data["label"][:, 0].astype(np.int32)
    instance = data["instance"][:, 0] if description.instances else None
    image = nhwc(data["image"])
    mu, logvar = model.encode(image)
    z = sample_style(mu, logvar, data["eps"])
    fake = model.synthesize(label, instance, z)
    semantics = model.layout_encoding(label, instance)
    _, scores = model.discriminator(image, semantics, training=False)
    for key, ours in (
        ("mu", mu),
        ("logvar", logvar),
        ("z", z),
        ("inference_image", nchw(fake)),
        *((f"D_pred{i}", nchw(x)) for i, x in enumerate(scores)),
    ):
        yield absolute(f"{name}/{key}", ours, data[key], checks.EVALUATION)


def _round_trip(label, files, back, dropped):
    """Names, order, types and shapes of all tensors; the used ones bit for bit."""
    from ccfpse_tf.convert.official_files import LETTERS
    from ccfpse_tf.files.pytorch import read_tensors

    for kind, path in files.items():
        before, after = read_tensors(path), read_tensors(back[LETTERS[kind]])
        kinds = [
            [(name, value.dtype, value.shape) for name, value in state.items()]
            for state in (before, after)
        ]
        yield Check(
            f"{label}: {kind}, names, order, shapes",
            0.0 if kinds[0] == kinds[1] else np.inf,
            checks.EXACT,
        )
        for name, value in before.items():
            same = value.tobytes() == after.get(name, np.empty(0)).tobytes()
            if name not in dropped[kind]:
                error = 0.0 if same else np.inf
                yield Check(f"{label}: {name}, bits", error, checks.EXACT)


KINDS = {"spade_checkpoint": checkpoint}
