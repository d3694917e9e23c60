"""Which engine draws, and why."""

import importlib.util

import pytest

from ccfpse_tf.commands import engines, serve
from ccfpse_tf.commands.main import run
from ccfpse_tf.commands.offered_models import offers_of
from ccfpse_tf.errors import InputError
from ccfpse_tf.presets.preset_files import write_preset
from tests.export.onnx_stand_in import preset


@pytest.fixture
def installed(monkeypatch):
    """Lets ONNX Runtime look as if it were installed, or not."""

    def say(there):
        known = {"onnxruntime": object() if there else None}
        find = importlib.util.find_spec
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name: known.get(name, find("json"))
        )

    monkeypatch.setattr(engines, "version", lambda name: f"1.0 of {name}")
    return say


def test_auto_takes_onnx_runtime_where_it_can(installed):
    installed(True)
    engine, why = engines.engine_of_preset("auto", preset())
    assert (engine, "ONNX Runtime 1.0 of onnxruntime" in why) == ("onnx", True)
    assert engines.engine_of_preset("onnx", preset())[0] == "onnx"
    engine, why = engines.engine_of_preset("tensorflow", preset())
    assert (engine, "as --engine says" in why) == ("tensorflow", True)


def test_auto_says_why_it_takes_tensorflow(installed):
    installed(False)
    engine, why = engines.engine_of_preset("auto", preset())
    assert engine == "tensorflow" and "onnxruntime is not installed" in why
    installed(True)
    engine, why = engines.engine_of_preset("auto", preset(graphs={}))
    assert engine == "tensorflow" and "has no model.onnx" in why


def test_what_cannot_be_had_is_an_error(installed):
    installed(False)
    words = (
        r"presets/tiny: onnxruntime is not installed \(pip install 'ccfpse-tf\[serving"
    )
    with pytest.raises(InputError, match=words + ".*--engine tensorflow"):
        engines.engine_of_preset("onnx", preset())
    installed(True)
    with pytest.raises(InputError, match="no model.onnx.*preset --onnx.*--engine tens"):
        engines.engine_of_preset("onnx", preset(graphs={}))


def test_models_are_offered_with_a_note(installed, tmp_path):
    installed(True)
    write_preset(tmp_path / "tiny", preset())
    (tmp_path / "export" / "1").mkdir(parents=True)
    (tmp_path / "export" / "1" / "saved_model.pb").write_bytes(b"")
    models = [str(tmp_path / name) for name in ("tiny", "export")]
    first, second = offers_of(models, {})
    assert "tiny is drawn by ONNX Runtime" in first.note and second.note == ""
    assert "by TensorFlow" in offers_of(models[:1], {}, "tensorflow")[0].note
    with pytest.raises(InputError, match="export is an exported SavedModel.*leave out"):
        offers_of(models, {}, "onnx")


def test_the_command_passes_it_on(monkeypatch, capsys):
    monkeypatch.setattr(serve, "offers_of", lambda *given: pytest.fail(str(given)))
    with pytest.raises(pytest.fail.Exception, match="'mine'.*'onnx'"):
        run(["serve", "mine", "--engine", "onnx", "--port", "0"])
    with pytest.raises(SystemExit):
        run(["serve", "mine", "--engine", "openvino"])
    assert "auto, tensorflow, onnx" in capsys.readouterr().err.replace("'", "")
    with pytest.raises(InputError, match="--upstream server's to choose"):
        run(["serve", "m", "--engine", "onnx", "--upstream", "http://localhost:1"])
