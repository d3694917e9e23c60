"""What the package asks for, and what of it is there."""

import tomllib

import pytest

from ccfpse_tf.commands.diagnosis import EXTRAS
from ccfpse_tf.runtime import requirements
from ccfpse_tf.runtime.requirements import Requirement, installed, read_requirements

TEXTS = [
    "keras>=3.12",
    "torch>=2.13; extra == 'convert'",
    'weights==0.1.0; extra == "features"',
    'ccfpse-tf[serving,study]; extra == "test"',
]


def test_names_bounds_and_extras(monkeypatch):
    monkeypatch.setattr(requirements, "requires", lambda package: TEXTS)
    assert read_requirements() == [
        Requirement("keras", ((">=", "3.12"),), None),
        Requirement("torch", ((">=", "2.13"),), "convert"),
        Requirement("weights", (("==", "0.1.0"),), "features"),
    ]


def test_the_own_package_is_found_or_not():
    names = {requirement.name for requirement in read_requirements()}
    assert {"tensorflow", "keras", "pydantic"} <= names
    assert read_requirements("no-such-package-anywhere") == []
    assert installed("no-such-package-anywhere") is None


@pytest.mark.parametrize(
    ("bounds", "found", "lack"),
    [
        ((">=", "2.20"), None, "x>=2.20 is missing"),
        ((">=", "2.20"), "2.19.1", "x 2.19.1 is too old, x>=2.20 is needed"),
        ((">=", "2.20"), "2.20.0", None),
        ((">=", "2.20"), "2.20", None),
        ((">=", "2.20.0"), "2.20", None),
        ((">=", "2.20"), "3.0rc1", None),
        ((">=", "2.9"), "2.10+cpu", None),
        (("==", "0.1.0"), "0.1.0", None),
        (("==", "0.1.0"), "0.2.0", "x 0.2.0 is not x==0.1.0"),
    ],
)
def test_versions(bounds, found, lack):
    assert Requirement("x", (bounds,), None).lack(found) == lack


def test_what_another_package_calls_an_extra_counts(monkeypatch):
    asked = {
        "ours": ["theirs[gpu, fast]>=2; extra == 'cuda'", "ours[cuda]; extra == 'all'"],
        "theirs": ["a>=1; extra == 'gpu'", "b; extra == 'docs'", "c"],
    }
    monkeypatch.setattr(requirements, "requires", asked.get)
    found = [(str(x), x.extra) for x in requirements.read_requirements("ours")]
    assert found == [("theirs>=2", "cuda"), ("a>=1", "cuda")]


def test_doctor_says_what_each_extra_is_for(repository):
    text = (repository / "pyproject.toml").read_text(encoding="utf-8")
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    assert extras.keys() <= EXTRAS.keys()
