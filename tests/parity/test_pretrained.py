"""The networks with weights of others, where these are installed."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.parity import __main__ as parity
from tests.parity.fixture import Fixture
from tests.parity.pretrained import NETS, compare, tolerance

COPIED = Path(__file__).parent.parent / "fixtures" / "pretrained"


def entries(folder):
    return json.loads((folder / "manifest.json").read_text())["fixtures"]


def check(folder, name, entry):
    try:
        found = list(compare(Fixture(folder / name, entry)))
    except ImportError as error:  # the weights are not installed
        pytest.skip(str(error))
    beyond = [f"{x.name}: {x.error:.2e}" for x in found if not x.passed]
    assert found and not beyond, beyond[:20]


@pytest.mark.parametrize("name", entries(COPIED))
def test_equals_the_copied_reference(name):
    check(COPIED, name, entries(COPIED)[name])


@pytest.mark.parametrize("net", NETS)
def test_equals_the_reference(shared_dir, net):
    folder = shared_dir / "fixtures" / "pretrained"
    if not (folder / "manifest.json").is_file():
        pytest.skip(f"needs {folder}, which is not part of the checkout")
    for name, entry in entries(folder).items():
        if entry["net"].startswith(net):
            check(folder, name, entry)


def test_tolerances_are_read_from_the_manifest():
    texts = {
        "1e-5": 1e-5,
        "1e-4 absolute": 1e-4,
        "relative to the largest value 2e-5": 2e-5,
        "agreement of 0.98 with its own runtime; the two agree on 0.886": 0.98,
    }
    for text, expected in texts.items():
        assert tolerance(Fixture(None, {"tolerance": text})) == expected


def test_what_is_not_installed_is_skipped_and_what_is_unknown_fails(
    tmp_path, capsys, monkeypatch
):
    def absent(fixture):
        raise ImportError("Net is not here: pip install net")
        yield

    monkeypatch.setitem(NETS, "Net", absent)
    np.savez(tmp_path / "a.npz", x=[1.0])
    entries = {"a.npz": {"net": "Net 1.0", "tolerance": "1e-5"}}
    (tmp_path / "manifest.json").write_text(json.dumps({"fixtures": entries}))
    assert parity.main([str(tmp_path)]) == 1  # nothing passed
    assert "Net is not here: pip install net" in capsys.readouterr().out
    entries["a.npz"]["net"] = "Another"
    (tmp_path / "manifest.json").write_text(json.dumps({"fixtures": entries}))
    assert parity.main([str(tmp_path)]) == 1
    assert "no comparison for Another" in capsys.readouterr().out
