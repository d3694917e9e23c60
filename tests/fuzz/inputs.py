"""Inputs made from good ones, by Hypothesis or by Atheris."""

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.check import Report

_BATCH = 500  # examples of one seed of Hypothesis
# Sizes and counts that have broken readers before, as four bytes.
_NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x20000000, 0x7FFFFFFF, 0xFFFFFFFF]

# Values that JSON may hold where others are expected.
_VALUES = [b"[]", b"{}", b"null", b"true", b"-1", b"0.5", b"1e999", b'"x"', b"[" * 9999]


@st.composite
def damaged(draw, seeds: Sequence[bytes]) -> bytes:
    """A seed with up to six pieces changed, left out, repeated or put in."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 8) | st.integers(0, 200)))
        data[start:end] = draw(_instead_of(data, start, end, seeds))
    return bytes(data[: draw(st.none() | st.integers(0, len(data)))])


def _instead_of(data, start, end, seeds):
    """What may stand in place of a piece of the data."""
    length = end - start
    return st.one_of(
        st.binary(min_size=length, max_size=length),
        st.just(b""),
        st.just(bytes(data[start:end]) * 2),
        st.binary(max_size=8),
        st.sampled_from(_NUMBERS).map(lambda number: number.to_bytes(4, "big")),
        st.sampled_from(_VALUES),
        st.sampled_from(seeds).map(lambda other: other[start:end]),
    )


def from_hypothesis(
    seeds: Sequence[bytes], report: Report, seconds: float, examples: int | None = None
) -> None:
    """Checks the seeds and what is made from them.

    Args:
        seeds: good inputs.
        report: checks and counts.
        seconds: how long.
        examples: how many at most, always the same ones; None for no limit.
    """
    end = time.monotonic() + seconds
    for data in seeds:
        report.check(data)
    number = 0
    while time.monotonic() < end and (examples is None or number * _BATCH < examples):

        @seed(number)
        @settings(
            max_examples=min(_BATCH, examples or _BATCH),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(damaged(seeds) | st.binary(max_size=100))
        def check(data):
            if time.monotonic() < end:
                report.check(data)

        check()
        number += 1


def from_atheris(seeds: Sequence[bytes], report: Report, seconds: float) -> None:
    """Checks inputs that Atheris makes, then prints the report and ends the process."""
    import atheris

    folder = Path(tempfile.mkdtemp(prefix="fuzz-corpus-"))
    for number, data in enumerate(seeds):
        (folder / str(number)).write_bytes(data)
    end = time.monotonic() + seconds

    def check(data):
        if time.monotonic() > end:
            # libFuzzer would end the process itself, with a report of its own.
            print(report, flush=True)
            os._exit(1 if report.findings else 0)
        report.check(data)

    longest = max(4096, 2 * max(map(len, seeds)))
    options = [f"-max_len={longest}", "-rss_limit_mb=0", "-verbosity=0", str(folder)]
    atheris.Setup(["fuzz", *options], check)
    atheris.Fuzz()
