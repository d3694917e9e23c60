"""Forecasts of memory beside the peaks of real trainings."""

import re

import pytest

from benchmarks import memory_forecast


@pytest.mark.slow
def test_forecasts_are_within_a_quarter(capsys):
    argv = ["--methods", "spade", "--batches", "1", "4", "--size", "64x64"]
    memory_forecast.main([*argv, "--set", "generator.ngf=4", "discriminator.ndf=4"])
    _, _, *rows = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[:2] for row in cells] == [["spade", "1"], ["spade", "4"]]
    for row in cells:
        assert 0.8 <= float(row[4]) <= 1.25
        assert all(re.fullmatch(r"[0-9.]+ [MG]B", row[i]) for i in (2, 3, 5))
