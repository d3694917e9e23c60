"""Forecasts of memory beside the peaks of real trainings."""

import re
import subprocess
import sys

import pytest

from benchmarks.memory_forecast import METHODS, SETTINGS, read_by
from ccfpse_tf.config import Config, override
from ccfpse_tf.gan import methods
from ccfpse_tf.gan.unread_settings import refuse_unread


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gets_the_settings_that_it_reads(method):
    texts = read_by(method)
    refuse_unread(
        override(Config(name="test"), [*methods.settings(method), *texts]), texts
    )
    assert "generator.ngf=16" in texts and {*texts} <= {*SETTINGS}
    assert ("generator.hidden=32" in texts) == (method != "pix2pixhd")


@pytest.mark.slow
def test_forecasts_are_within_a_quarter(repository):
    argv = ["--methods", "spade", "--batches", "1", "4", "--size", "64x64"]
    argv += ["--set", "generator.ngf=4", "discriminator.ndf=4"]
    # Not from this process: Linux counts a parent's size into that of its child.
    command = [sys.executable, "-m", "benchmarks.memory_forecast", *argv]
    done = subprocess.run(
        command, cwd=repository, capture_output=True, text=True, check=True
    )
    _, _, *rows = done.stdout.splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[:2] for row in cells] == [["spade", "1"], ["spade", "4"]]
    for row in cells:
        assert 0.8 <= float(row[4]) <= 1.25
        assert all(re.fullmatch(r"[0-9.]+ [MG]B", row[i]) for i in (2, 3, 5))
