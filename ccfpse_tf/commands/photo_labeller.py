"""The network that makes layouts of photos on the painting page."""

import concurrent.futures
import dataclasses
from collections.abc import Callable

from ccfpse_tf.errors import InputError
from ccfpse_tf.serving.offer import Offer


def offer_with_labeller(
    offer: Offer, spec: str
) -> tuple[Offer, Callable[[bytes], bytes]]:
    """Lets the loading of a model open a network for photos as well.

    Args:
        offer: of the model.
        spec: of the network, as for `ccfpse label`.

    Returns:
        The offer that does both, and the function from a photo to its label map, which
        waits for it.
    """
    opened = concurrent.futures.Future()

    def load(say):
        try:
            versions = offer.load(say)
            from ccfpse_tf.serving.trial import describe

            say("opening the network for photos")
            with versions.lease() as model:
                opened.set_result(labeller(spec, lambda: describe(model)))
        except Exception as error:
            opened.set_exception(error)  # or photos would be waited for
            raise
        return versions

    return dataclasses.replace(offer, load=load), lambda photo: opened.result()(photo)


def labeller(spec: str, describe: Callable[[], dict | None]) -> Callable:
    """Returns the function from a photo's file to its label map's.

    Args:
        spec: of the network.
        describe: returns the model's description, None where it has none.

    Raises:
        InputError: no description, or a network that does not know its classes.
    """
    try:
        model = describe()
    except InputError as error:
        raise InputError(f"--evaluator needs the model's classes: {error}") from error
    if model is None:
        raise InputError(
            "--evaluator: the model does not tell its classes (it has no signature "
            "describe); write it with `export`, or leave out --evaluator"
        )
    from ccfpse_tf.runtime.startup import import_tensorflow

    import_tensorflow()
    from ccfpse_tf.evaluation.model_labeller import open_labeller

    return open_labeller(spec, model)
