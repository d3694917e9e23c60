"""The console command."""

import pytest

import ccfpse_tf
from ccfpse_tf.commands import main


@pytest.mark.parametrize("argv", [["version"], ["--version"]])
def test_version(argv, capsys):
    assert main.run(argv) == 0
    assert ccfpse_tf.__version__ in capsys.readouterr().out


def test_help_says_where_the_recipes_are(capsys):
    assert main.run([]) == 0
    assert "recipes/scenes.py train" in capsys.readouterr().out


def test_unknown_command_fails(capsys):
    with pytest.raises(SystemExit) as caught:
        main.run(["frobnicate"])
    assert caught.value.code == 2
    assert "frobnicate" in capsys.readouterr().err


def test_unlock_says_what_was_done(tmp_path, capsys):
    assert main.run(["unlock", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path} is not locked\n"
