"""The models that `ccfpse serve` and `ccfpse paint` offer."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ccfpse_tf.errors import InputError
from ccfpse_tf.serving.model_folder import check_folder, numbered
from ccfpse_tf.serving.offer import Offer


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
            raise InputError(
                f"{seen[offer.name]} and {place}: two models named {offer.name}; "
                "leave one out, or rename its folder"
            )
        seen[offer.name] = place
