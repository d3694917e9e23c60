"""The models that `ccfpse serve` and `ccfpse paint` offer: exports, presets, runs."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ccfpse_tf.commands.engines import check_engine_of_export, engine_of_preset
from ccfpse_tf.errors import InputError
from ccfpse_tf.serving.model_folder import check_folder, numbered
from ccfpse_tf.serving.offer import Offer


def offers_of(
    models: Sequence[str], labels: Mapping[str, int], engine: str = "auto"
) -> list[Offer]:
    """Offers the models that a command names; without any, all presets that ship.

    Args:
        models: folders of exported models and of runs, and presets: names, folders,
            ``hf://``.
        labels: version numbers by label, for an exported model.
        engine: one of :data:`ccfpse_tf.commands.engines.ENGINES`.

    Raises:
        InputError: what is none of these; two models of one name; no preset that ships;
            an engine that a model cannot be drawn by.
    """
    # Only now, as they load NumPy.
    from ccfpse_tf.presets.shipped import is_preset, shipped_presets
    from ccfpse_tf.runs.run_folder import is_run

    models = list(models) or list(shipped_presets())
    if not models:
        raise InputError(
            "name a model: the folder MODELS/NAME that `export` wrote, or the folder "
            "of a preset or run; this version of ccfpse_tf ships no presets"
        )
    offers = []
    for model in models:
        if is_preset(model):
            if labels:
                raise InputError(f"--label: the preset {model} has no versions")
            offers.append(preset_offer(model, engine))
        elif is_run(Path(model)):
            if labels:
                raise InputError(f"--label: the run {model} has no versions")
            offers.append(run_offer(Path(model), engine))
        else:
            check_engine_of_export(engine, model)
            offers.append(exported_offer(Path(model), labels))
    check_names(offers, models)
    return offers


def preset_offer(preset: str, engine: str = "auto") -> Offer:
    """Offers a preset, which is read now and built when it is asked for.

    Args:
        preset: as :func:`ccfpse_tf.presets.shipped.find_preset` takes it.
        engine: one of :data:`ccfpse_tf.commands.engines.ENGINES`.

    Raises:
        InputError: an unknown name, a damaged preset, an engine that is not there.
    """
    from ccfpse_tf.presets.shipped import find_preset

    found = find_preset(preset)
    chosen, note = engine_of_preset(engine, found)

    def make(say):
        from ccfpse_tf.export.preset_endpoints import preset_endpoints

        return preset_endpoints(preset)

    def load(say):
        say("importing ONNX Runtime")
        from ccfpse_tf.export.onnx_endpoints import OnnxEndpoints
        from ccfpse_tf.serving.function_model import function_versions

        endpoints = OnnxEndpoints(found)
        say("drawing a first picture")
        return function_versions(found.name, endpoints.signatures(), endpoints.stop)

    offer = live_offer(found.name, make)
    if chosen == "onnx":
        offer = Offer(found.name, load)
    return dataclasses.replace(offer, note=note, named_by_folder=False)


def run_offer(run: Path, engine: str = "auto") -> Offer:
    """Offers the newest checkpoint of a run, as it is when it is asked for.

    Args:
        run: its folder, whose name is the model's.
        engine: one of :data:`ccfpse_tf.commands.engines.ENGINES`.

    Raises:
        InputError: a damaged run, one without checkpoint, an engine that runs have
            not.
    """
    from ccfpse_tf.runs.checkpoint_folder import require_checkpoint
    from ccfpse_tf.runs.run_folder import read_run

    check_engine_of_export(engine, run, "a run")
    checkpoint = require_checkpoint(read_run(run))

    def make(say):
        from ccfpse_tf.export.run_endpoints import run_endpoints

        return run_endpoints(run)

    name = run.resolve().name
    note = f"{name} is a run, drawn from {checkpoint.name}; start again for later ones"
    return dataclasses.replace(live_offer(name, make), note=note)


def exported_offer(folder: Path, labels: Mapping[str, int] | None = None) -> Offer:
    """Offers an exported model.

    Args:
        folder: with numbered versions; its name is the model's.
        labels: version numbers by label.

    Raises:
        InputError: not the folder of a model.
    """
    check_folder(folder)

    def load(say):
        say("importing TensorFlow")
        from ccfpse_tf.runtime.startup import import_tensorflow

        import_tensorflow()
        from ccfpse_tf.serving.model_version import ModelVersion
        from ccfpse_tf.serving.trial import try_out
        from ccfpse_tf.serving.versions import Versions

        def load_version(path, number):
            say(f"reading version {number}")
            model = ModelVersion(path, number)
            say("drawing a first picture")
            try_out(model, str(path))
            return model

        return Versions(folder, labels, load_version)

    return Offer(folder.resolve().name, load, max(numbered(folder)))


def live_offer(name: str, make: Callable[[Callable[[str], None]], object]) -> Offer:
    """Offers a model that is made in this process.

    Args:
        name: under which it is served.
        make: returns its :class:`ccfpse_tf.export.endpoints.Endpoints`, as
            :func:`ccfpse_tf.export.assembly.assemble` makes them. It is called in a
            thread once TensorFlow is there, with a function that takes words for what
            is being done.
    """

    def load(say):
        say("importing TensorFlow")
        from ccfpse_tf.runtime.startup import import_tensorflow

        import_tensorflow()
        from ccfpse_tf.export.signatures import signatures_of
        from ccfpse_tf.serving.live_model import live_versions

        say("building the model")
        signatures = signatures_of(make(say))
        say("drawing a first picture")
        return live_versions(name, signatures)

    return Offer(name, load)


def check_names(offers: Sequence[Offer], places: Sequence[object]) -> None:
    """Refuses two models of one name.

    Args:
        offers: to be served together.
        places: where each comes from, for the message.

    Raises:
        InputError: names both.
    """
    seen = {}
    for offer, place in zip(offers, places, strict=True):
        if offer.name in seen:
            other, where = seen[offer.name]
            ways = ["leave one out", _renaming(other, where), _renaming(offer, place)]
            raise InputError(
                f"{where} and {place}: two models named {offer.name}; "
                + ", or ".join(ways[:1] if where == place else ways)
            )
        seen[offer.name] = offer, place


def _renaming(offer, place):
    if offer.named_by_folder:
        return f"rename the folder {place}"
    return f"write the preset {place} again by `preset` with another --name"
