"""Models with the weights of a preset."""

import contextlib
import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from ccfpse_tf.config import derive, flatten
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan import class_rows, methods
from ccfpse_tf.gan.adversarial_model import AdversarialModel
from ccfpse_tf.gan.build import build_model, build_synthesizer, drawing_config
from ccfpse_tf.gan.preset_weights import load_weights
from ccfpse_tf.gan.synthesizer import Synthesizer
from ccfpse_tf.gan.unread_settings import refuse_unread
from ccfpse_tf.presets.class_matching import ClassMatch
from ccfpse_tf.presets.preset import Preset

# The sections and keys of the config that a model is built from, which is not a run's.
_READ = {
    *("generator", "discriminator", "losses", "optimizers", "step"),
    *("data.image_size", "data.seed"),
}
# There is no perceptual loss and no teacher; a program chooses TensorFlow's operations.
_NOT_READ = {
    *("losses.perceptual", "losses.perceptual_network", "losses.perceptual_weights"),
    *("losses.imitation", "step.deterministic"),
}
_DAMAGED = "The preset is of another version of ccfpse_tf: choose another one."


def synthesizer_of(preset: Preset) -> Synthesizer:
    """Returns the preset's generator and encoder, which compute in float32.

    Raises:
        InputError: weights that do not fit the networks of this version; networks for
            which memory is lacking.
    """
    config = drawing_config(preset.config)
    with _enough_memory(preset.source, config):
        model = build_synthesizer(config, preset.data)
    load_weights(model, preset.weights, preset.source, _DAMAGED)
    _check_codes(preset, model)
    return model


def model_of(preset: Preset, overrides: Mapping[str, Mapping]) -> AdversarialModel:
    """Returns a compiled model that can be trained further; its discriminator is new.

    It computes in float32, at the constant learning rates of the preset's run, and has
    no perceptual loss.

    Args:
        preset: the preset.
        overrides: other values of the config, by section and key.

    Raises:
        InputError: overrides that there are not, that change nothing, or that the
            weights do not fit; networks for which memory is lacking.
    """
    config = _overridden(preset, overrides)
    _refuse_unread(config, overrides)
    with _enough_memory(preset.source, config):
        model = build_model(config, preset.data, 1, training=False)
    load_weights(model, preset.weights, preset.source, _differing(preset, config))
    _check_codes(preset, model)
    model.origin = dataclasses.replace(model.origin, preset=preset)
    return model


def start_from(
    model: AdversarialModel, config, preset: Preset, match: ClassMatch
) -> None:
    """Gives a new run's model the weights of a preset.

    Args:
        model: for the run's data, not trained yet.
        config: of the run, with the preset's generator.
        preset: the preset.
        match: of the run's classes and the preset's.

    Raises:
        InputError: a generator of another shape, such as by another image size.
    """
    moved = {}
    if not match.same:

        def build(channels):
            return methods.method_of(config).generator(config, channels)

        moved = class_rows.moved_weights(
            model.generator, build, match.sources, preset.weights
        )
    way_out = _differing(preset, config)
    load_weights(model, preset.weights | moved, preset.source, way_out)
    networks = {id(x): x for x in (model.generator, model.drawing_generator)}
    for generator in networks.values():
        class_rows.settle(generator, moved)


@contextlib.contextmanager
def _enough_memory(source, config):
    """Clears errors of building networks that are too large, as of damaged facts."""
    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError):
        shape, ndf = config.generator, config.discriminator.ndf
        raise InputError(
            f"{source}: there is too little memory for its networks, with generator."
            f"ngf {shape.ngf}, hidden {shape.hidden}, z_dim {shape.z_dim} and "
            f"discriminator.ndf {ndf}; choose another preset, or a smaller ndf"
        ) from None


def _overridden(preset, overrides):
    phases = dict.fromkeys(("decay_epochs", "small_epochs", "fix_global_epochs"), 0)
    steady = derive(drawing_config(preset.config), schedule={"epochs": 1, **phases})
    try:
        return derive(steady, **overrides)
    except (TypeError, AttributeError) as error:
        keys = ", ".join(f"{section}={{...}}" for section in _sections(steady))
        raise InputError(
            f"from_preset: {error}; overrides are sections of the config with their "
            f"keys, such as data={{'image_size': (256, 256)}}; there are {keys}"
        ) from None


def _refuse_unread(config, overrides):
    """Refuses overrides that change nothing, and that a model card would then tell."""
    keys = [f"{section}.{key}" for section, part in overrides.items() for key in part]
    found = [
        key
        for key in keys
        if key in _NOT_READ or key.partition(".")[0] not in _READ and key not in _READ
    ]
    if found:
        raise InputError(
            f"from_preset: {', '.join(found)}: changes nothing in the model, so leave "
            "it out; a perceptual loss and its weight are given to model.compile, "
            "batches and epochs to model.fit, and all else belongs to runs, such as of "
            "`train --preset`"
        )
    methods.check(config)
    refuse_unread(config, keys)


def _sections(config):
    return dict.fromkeys(key.partition(".")[0] for key in flatten(config) if "." in key)


def _differing(preset, config) -> str:
    """The way out when weights do not fit a config."""
    known, asked = flatten(preset.config), flatten(config)
    lines = [
        f"{key}: the preset has {_shown(known[key])}, here it is {_shown(asked[key])}"
        for key in known
        if known[key] != asked[key]
        and (key.startswith("generator.") or key == "data.image_size")
    ]
    if not lines:
        return _DAMAGED
    listed = "\n  ".join(lines)
    return f"These weights need the preset's own values:\n  {listed}"


def _shown(value):
    return "x".join(map(str, value)) if isinstance(value, tuple) else repr(value)


def _check_codes(preset, model):
    for style in preset.styles:
        if style.code.shape != (model.z_dim,):
            raise InputError(
                f"{preset.source}: a style code has {style.code.size} values, the "
                f"generator takes {model.z_dim}. {_DAMAGED}"
            )
