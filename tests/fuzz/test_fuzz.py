"""The same few hundred inputs for every reader of foreign bytes."""

import pytest

hypothesis = pytest.importorskip("hypothesis", reason="needs pip install '.[test]'")
from tests.fuzz.check import Report, Target  # noqa: E402
from tests.fuzz.inputs import from_hypothesis  # noqa: E402
from tests.fuzz.targets import TARGETS  # noqa: E402

EXAMPLES = {"records": 50}  # TensorFlow takes a while for each


@pytest.mark.parametrize("name", TARGETS)
def test_readers_refuse_what_they_cannot_read(name, tmp_path):
    if name == "pth":
        pytest.importorskip("torch", reason="needs pip install '.[convert]'")
    examples = EXAMPLES.get(name, 200)
    target = TARGETS[name](tmp_path)
    report = Report(target)
    from_hypothesis(target.seeds, report, seconds=60, examples=examples)
    assert not report.findings, report
    assert report.accepted >= len(target.seeds) and report.refused > examples / 10


def test_faults_are_found():
    def read(data):
        if len(data) > 5:
            raise IndexError("a fault of the reader")
        if data:
            raise ValueError("a refusal")

    report = Report(Target(read, (), (ValueError,)))
    for data in (b"", b"one", b"longer", b"longer still"):
        report.check(data)
    assert (report.accepted, report.refused) == (1, 3)
    [finding] = report.findings.values()
    assert "IndexError" in finding and "a fault of the reader" in str(report)
