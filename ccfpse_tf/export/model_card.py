"""The model card of a preset: facts that its writer knows, and what the user states."""

import json
from pathlib import Path

from ccfpse_tf.data.description import Description
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.text_files import read_json
from ccfpse_tf.gan.methods import method_of
from ccfpse_tf.runs.checkpoint_folder import digest_of
from ccfpse_tf.runtime.templates import render

TEMPLATE = Path(__file__).parent / "templates" / "model_card.md"
METRICS = "metrics.json"


def model_card(
    name: str,
    title: str,
    config,
    data: Description,
    step: int,
    difference,
    *,
    statement: str | None,
    scores: dict | None,
) -> str:
    """Returns the card's Markdown.

    Args:
        name: of the preset.
        title: of the preset.
        config: of the run.
        data: of its records, with their splits.
        step: of the checkpoint.
        difference: see :class:`ccfpse_tf.presets.preset.Preset`.
        statement: text of the user: data, licence, credit, known faults.
        scores: from :func:`read_scores`.
    """
    return render(
        TEMPLATE,
        name=name,
        title=title,
        facts=_facts(config, data, step),
        classes=data.index_names,
        difference=difference,
        statement=statement,
        scores=scores,
        recipe=config.name,
    )


def read_scores(folder: Path, checkpoint: Path) -> dict:
    """Reads what `evaluate` measured of a checkpoint.

    Args:
        folder: that `evaluate` wrote.
        checkpoint: folder of the checkpoint that must have been evaluated.

    Returns:
        ``line``, the numbers with their protocol, and ``numbers``, JSON by metric.

    Raises:
        InputError: no such file, a damaged one, or scores of other weights.
    """
    path = Path(folder) / METRICS
    found = read_json(path, "the result of `evaluate`")
    try:
        protocol = found["protocol"]
        evaluated = protocol.get("checkpoint_sha256")
        line, values = str(found["paper_line"]), dict(found["metrics"]["generated"])
        name = protocol.get("checkpoint", "images of a folder")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: is damaged ({error!r}); evaluate again") from None
    if evaluated != digest_of(checkpoint):
        raise InputError(
            f"{path}: is about {name}, not about the weights of {checkpoint}; evaluate "
            "these (`evaluate --run` takes the newest checkpoint)"
        )
    return {"line": line, "numbers": json.dumps(values, indent=1)}


def _facts(config, data, step):
    counts = [f"{split.count} ({name})" for name, split in data.splits.items()]
    z_dim = method_of(config).z_dim(config)
    adam, discriminator = config.optimizers, config.discriminator.architecture
    rates = f"{adam.generator_lr:g} (generator)"
    if discriminator != "none":
        rates += f", {adam.discriminator_lr:g} (discriminator)"
    average = config.generator.average_decay
    yield "method", f"{method_of(config).title}, {method_of(config).summary(config)}"
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
