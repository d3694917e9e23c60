"""Compiled functions both ways."""

import pytest

from ccfpse_tf.ops import compilation


@pytest.fixture(params=["compiled", "plain"])
def either_way(request, monkeypatch):
    """Runs a test with functions compiled at any size, and again with none compiled."""
    small = 0 if request.param == "compiled" else 2**40
    monkeypatch.setattr(compilation, "MIN_XLA_ELEMENTS", small)
