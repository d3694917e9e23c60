"""The model card of a preset: facts that its writer knows, and what the user states."""

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path

import ccfpse_tf
from ccfpse_tf.data.description import Description
from ccfpse_tf.errors import InputError
from ccfpse_tf.presets.front_matter import TASK, front_matter, scores_index
from ccfpse_tf.presets.preset import Preset
from ccfpse_tf.runtime.templates import render

TEMPLATE = Path(__file__).parent / "templates" / "model_card.md"
_LICENCE = r"[a-z0-9][a-z0-9.-]*"
_DATASET = r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)?"


@dataclasses.dataclass(frozen=True)
class CardDetails:
    """What a card says beside the preset's own facts.

    Args:
        statement: text of the user: data, credit, known faults.
        licence: of the weights, as hubs name it, such as ``"apache-2.0"``.
        dataset: where the data of the training are found on a hub, ``"OWNER/NAME"``.
        scores: of the very weights: ``line`` for people, ``numbers`` by metric, and the
            ``protocol`` that measured them.
        trained_freely: by a program that may have chosen other batches, rates and
            losses than the config says.

    Raises:
        InputError: a licence or a data set that is not written so.
    """

    statement: str | None = None
    licence: str | None = None
    dataset: str | None = None
    scores: Mapping[str, object] | None = None
    trained_freely: bool = False

    def __post_init__(self):
        if self.licence and not re.fullmatch(_LICENCE, self.licence):
            raise InputError(
                f"licence {self.licence!r}: give it as hubs name licences, in small "
                "letters, such as apache-2.0, mit, cc-by-4.0 or other"
            )
        if self.dataset and not re.fullmatch(_DATASET, self.dataset):
            raise InputError(
                f"data set {self.dataset!r}: give its name on a hub, OWNER/NAME; all "
                "else about it belongs into the text of the card"
            )

    def unnamed(self) -> list[str]:
        """Returns what the metadata lack as nobody stated it, in words."""
        stated = {"licence": self.licence, "data set": self.dataset}
        return [what for what, value in stated.items() if not value]


def model_card(
    preset: Preset, method, data: Description, sizes: str, details: CardDetails
) -> str:
    """Returns the card's Markdown, with the metadata block that hubs read.

    Args:
        preset: all of it but its card.
        method: its row of :mod:`ccfpse_tf.gan.methods`.
        data: of the records that it was trained on, with their splits if they are
            known.
        sizes: of the images that it draws, in words.
        details: what the user states, and the scores.
    """
    scores, kind = details.scores, method.model()
    if scores:
        line, numbers = scores["line"], json.dumps(scores["numbers"], indent=1)
        scores = {"line": line, "numbers": numbers}
    return front_matter(_metadata(preset, details)) + render(
        TEMPLATE,
        preset=preset,
        kind=kind.__name__,
        home="ccfpse_tf" if kind.__name__ in ccfpse_tf.__all__ else kind.__module__,
        facts=list(_facts(preset.config, method, data, preset.step)),
        classes=data.index_names,
        sizes=sizes,
        details=details,
        unnamed=details.unnamed(),
        scores=scores,
    )


def _metadata(preset: Preset, details: CardDetails) -> dict:
    config = preset.config
    tags = ["semantic-image-synthesis", config.generator.architecture.replace("_", "-")]
    tags += ["gan"] if config.discriminator.architecture != "none" else []
    tags += ["keras", "tensorflow", *["onnx"] * bool(preset.graphs)]
    found = {"license": details.licence} if details.licence else {}
    found |= {"library_name": "ccfpse-tf", "pipeline_tag": TASK, "tags": tags}
    if details.dataset:
        found["datasets"] = [details.dataset]
    if details.scores:
        numbers = details.scores["numbers"].items()
        found["metrics"] = [name for name, value in numbers if value is not None]
        found["model-index"] = scores_index(
            preset.name, details.dataset, details.scores
        )
    return found


def _facts(config, method, data, step):
    counts = [f"{split.count} ({name})" for name, split in data.splits.items()]
    z_dim = method.z_dim(config)
    adam, discriminator = config.optimizers, config.discriminator.architecture
    rates = f"{adam.generator_lr:g} (generator)"
    if discriminator != "none":
        rates += f", {adam.discriminator_lr:g} (discriminator)"
    average = config.generator.average_decay
    yield "method", f"{method.title}, {method.summary(config)}"
    yield "images (height x width)", "x".join(map(str, config.data.image_size))
    yield "style code", f"{z_dim} values" if z_dim else "none"
    yield "instance maps", "needed" if data.instances else "none"
    yield "trained on", f"{data.name}: images {', '.join(counts) or 'not counted'}"
    yield "steps", f"{step}, of {config.data.batch_size} images each"
    yield "learning rates", rates
    yield "perceptual loss", config.losses.perceptual_network
    yield "discriminator", discriminator
    yield "running average", f"decay {average:g}" if average else "none"
    yield "precision of the training", config.step.precision
    if config.preset:
        yield "started from the preset", config.preset
    if config.teacher:
        yield "learnt from the run", config.teacher
