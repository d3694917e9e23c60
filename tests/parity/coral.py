"""Coral's DeepLab against the runtime that the fixture was made with."""

from collections.abc import Iterator

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.networks.coral_deeplab import CoralDeepLab
from tests.parity.checks import Check
from tests.parity.fixture import Fixture

DISAGREEMENT = 0.02  # of the pixels; with other kernels it is 0.114


def coral_deeplab(fixture: Fixture) -> Iterator[Check]:
    """The classes of a drawn scene, by the kernels that are in use here.

    Raises:
        ImportError: the network's file is not at hand, so the fixture is skipped.
    """
    try:
        network = CoralDeepLab(fixture.path.parents[2] / "weights")
    except InputError as error:
        raise ImportError(error) from error
    key = "prediction"
    if network.describe()["kernels"] != "XNNPACK":
        key += "_without_delegate"
    wrong = (network(fixture.data["image"]) != fixture.data[key]).mean()
    yield Check(f"{key}, share of other classes", float(wrong), DISAGREEMENT)
