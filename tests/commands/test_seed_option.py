"""Seeds on command lines."""

import pytest

from benchmarks import anomalies
from ccfpse_tf.commands import main, recipe
from ccfpse_tf.config import Config
from ccfpse_tf.data.prepare import prepare


def _recipe(argv):
    return recipe.main("folder", Config(name="folder"), {}, None, argv)


@pytest.mark.parametrize("seed", ["-1", "1.5", "one"])
@pytest.mark.parametrize(
    ("run", "command"),
    [
        (_recipe, "generate --preset x --out out"),
        (_recipe, "evaluate --run x --out out"),
        (main.run, "generate --server x --labels x --out out"),
        (main.run, "study build --a x --b x --labels x --out out"),
        (main.run, "study score x"),
        (lambda argv: prepare.main("scenes", argv), "--out out"),
        (anomalies.main, "--photos x --out out"),
    ],
)
def test_seeds_are_natural_numbers(run, command, seed, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        run([*command.split(), f"--seed={seed}"])
    assert caught.value.code == 2
    assert f"'{seed}'; expected an integer of 0 or more" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]
