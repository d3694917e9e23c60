"""What type checkers see of the package."""

import ast

import pytest

import ccfpse_tf

WRONG = """\
import ccfpse_tf
from ccfpse_tf import Config, Genrator, InputError
size: str = ccfpse_tf.DATASETS["scenes"].image_size
Config(nme="mine")
"""


@pytest.fixture
def check(repository, tmp_path, monkeypatch):
    """Runs mypy with the settings of `make lint`; returns its lines."""
    api = pytest.importorskip("mypy.api", reason="needs pip install '.[test]'")
    monkeypatch.chdir(repository)

    def run(*arguments):
        settings = ("--cache-dir", str(tmp_path / "cache"), "--no-error-summary")
        out, error, _ = api.run([*settings, *map(str, arguments)])
        assert not error, error
        return out.splitlines()

    return run


def test_the_stub_names_what_is_public(repository):
    tree = ast.parse((repository / "ccfpse_tf" / "__init__.pyi").read_text("utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    homes = {name.name: node.module for node in imports for name in node.names}
    assert homes == ccfpse_tf._HOME
    # Without `as` a name of a stub is not handed on.
    assert all(name.asname == name.name for node in imports for name in node.names)


@pytest.mark.slow
def test_a_users_program_has_the_types_that_it_says(check):
    assert check() == []


@pytest.mark.slow
def test_wrong_programs_are_found(check, tmp_path):
    (tmp_path / "wrong.py").write_text(WRONG, encoding="utf-8")
    found = check(tmp_path / "wrong.py")
    errors = [line.split("error: ")[1] for line in found if "error: " in line]
    for part in ('no attribute "Genrator"', "expression has type", '"nme"'):
        assert any(part in error for error in errors), found
    assert len(errors) == 3, found
