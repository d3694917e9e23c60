"""A model written as a preset, without the run that it was trained in."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ccfpse_tf import __version__
from ccfpse_tf.config import Config
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.output_folder import check_out
from ccfpse_tf.gan import methods
from ccfpse_tf.gan.preset_weights import load_weights, stored_weights
from ccfpse_tf.gan.synthesizer import Synthesizer
from ccfpse_tf.presets.model_card import CardDetails, model_card
from ccfpse_tf.presets.preset import Preset
from ccfpse_tf.presets.preset_config import portable
from ccfpse_tf.presets.preset_facts import METADATA
from ccfpse_tf.presets.preset_files import check_name, write_preset


@dataclasses.dataclass(frozen=True)
class Origin:
    """What a model was built from, which its preset has to tell.

    Attributes:
        config: of its networks.
        data: the :class:`ccfpse_tf.data.description.Description` of its classes.
        preset: that its weights came from, if they did.
    """

    config: Config
    data: object
    preset: Preset | None = None


def preset_of_model(
    model: Synthesizer,
    origin: Origin,
    details: CardDetails,
    *,
    name: str,
    title: str | None = None,
    step: int = 0,
    weights: Mapping[str, np.ndarray] | None = None,
    **parts,
) -> Preset:
    """Returns a model as a preset, with its card.

    Args:
        model: whose ``drawing_generator`` and encoder are stored.
        origin: what it was built from.
        details: for the card.
        name: of the preset.
        title: for people; default method and data.
        step: the number of steps that it was trained for.
        weights: of the model as they are stored, if they are known already.
        **parts: other fields of a :class:`Preset`: ``styles``, ``layouts``, ``graphs``,
            ``picture`` and ``difference``, by default none.
    """
    method = methods.method_of(origin.config)
    tool = f"ccfpse_tf {__version__} preset"
    facts = {"difference": None, "styles": (), "layouts": ()} | parts
    preset = Preset(
        name=name,
        title=title or f"{method.title} on {origin.data.name}",
        config=portable(origin.config),
        data=dataclasses.replace(origin.data, splits={}, prepared={}, tool=tool),
        step=step,
        weights=stored_weights(model) if weights is None else weights,
        card="",
        **facts,
    )
    card = model_card(preset, method, origin.data, sizes_of(model), details)
    return dataclasses.replace(preset, card=card)


def save_model(
    model: Synthesizer,
    folder: str | Path,
    step: int,
    origin: Origin,
    details: CardDetails,
    name: str | None,
    title: str | None,
) -> dict[str, int]:
    """Writes a model as a preset; see ``save_to_preset`` of the models.

    A model whose weights are those of its preset still is written as that preset, with
    its styles, pictures and graphs, and with its card unless other words are given.
    After further training the layouts alone are kept.
    """
    folder = Path(folder)
    if methods.method_of(origin.config).bank:
        raise InputError(
            "the layouts of SIMS are filled from a memory bank, which presets cannot "
            "hold: keep the run, and draw by `generate --run DIR`"
        )
    former, weights = origin.preset, stored_weights(model)
    size = origin.config.data.image_size  # which from_preset may have been told
    same = (
        former is not None
        and size == former.config.data.image_size
        and same_weights(weights, former.weights)
    )
    own_name = check_name(name or (former.name if same else folder.resolve().name))
    check_out(folder, marker=METADATA, command="save_to_preset")
    if same and not (name or title) and details == CardDetails():
        return write_preset(folder, former)
    parts = {"name": own_name, "title": title, "step": step, "weights": weights}
    if same:
        kept = ("styles", "layouts", "graphs", "picture", "difference", "step")
        parts |= {key: getattr(former, key) for key in kept}
        parts["title"] = title or former.title
    else:
        details = dataclasses.replace(details, trained_freely=True)
        if former is not None:
            parts |= {"layouts": former.layouts, "step": former.step + step}
            config = dataclasses.replace(origin.config, preset=former.identity)
            origin = dataclasses.replace(origin, config=config)
    return write_preset(folder, preset_of_model(model, origin, details, **parts))


def check_origin(model: Synthesizer, origin: Origin) -> None:
    """Checks that a config builds the networks of a model that was built by hand.

    Raises:
        InputError: networks of other variables.
    """
    from ccfpse_tf.gan.build import build_synthesizer

    built = build_synthesizer(origin.config, origin.data)
    source = "save_to_preset, for networks as config and data say"
    load_weights(built, stored_weights(model), source, "Give the values of the model.")


def same_weights(some: Mapping[str, np.ndarray], others: Mapping) -> bool:
    """Returns whether two sets of stored weights are equal."""
    return some.keys() == others.keys() and all(
        np.array_equal(some[key], others[key]) for key in some
    )


def sizes_of(model: Synthesizer) -> str:
    """Returns the sizes that a model draws, in words."""
    generator = model.drawing_generator
    own = "x".join(map(str, generator.image_size))
    if generator.any_size:
        stride = generator.stride
        least = getattr(generator, "least_edge", stride)
        start = f" from {least}" * (least > stride)
        return f"it was trained at {own} and draws multiples of {stride}{start}"
    return f"{own}, and no other"
