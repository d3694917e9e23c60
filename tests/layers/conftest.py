"""Same initial values in every run; compiled functions both ways."""

import keras
import pytest

from ccfpse_tf.ops import compilation


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


@pytest.fixture(params=["compiled", "plain"])
def either_way(request, monkeypatch):
    """Runs a test with functions compiled at any size, and again with none compiled."""
    small = 0 if request.param == "compiled" else 2**40
    monkeypatch.setattr(compilation, "SMALL", small)
