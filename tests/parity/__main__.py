"""Runs every fixture of some folders: ``python -m tests.parity DIR...``.

Prints a line per fixture with the check that comes closest to (or beyond) its
tolerance, and closes with ``N passed, N failed``. A file is known by the ``kind`` in
its manifest's entry, or by its keys.
"""

import argparse
import functools
import json
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from ccfpse_tf.ops.convolution import METHODS, convolution_method
from tests.parity import (
    checkpoints,
    crn,
    data_sets,
    initial_values,
    layers,
    multiscale,
    networks,
    pix2pixhd,
    pix2pixhd_training,
    pretrained,
    segmenters,
    sims,
    spade,
    training,
)
from tests.parity.checks import FLIPPED, Check
from tests.parity.fixture import Fixture

Runner = Callable[[Fixture], Iterator[Check]]


def _has(*keys):
    return lambda found: all(key in found for key in keys)


def _ends(*endings):
    return lambda found: all(any(k.endswith(end) for k in found) for end in endings)


# By the manifest's ``kind``.
KINDS: dict[str, Runner] = {
    **checkpoints.KINDS,
    **crn.KINDS,
    **multiscale.KINDS,
    **pix2pixhd.KINDS,
    **pix2pixhd_training.KINDS,
    **sims.KINDS,
    **spade.KINDS,
    **training.KINDS,
}

# Where the manifest has none, in order: the first whose keys are there.
BY_KEYS: tuple[tuple[Callable, Runner], ...] = (
    (_has("fake_Gstep"), training.trajectory),
    (_has("inference_image"), checkpoints.checkpoint),
    (_has("c0/x", "c0/w"), layers.conditional_convolution),
    (_has("seg", "cot", "eval/gseg"), layers.block),
    (_has("hinge/D_real"), layers.loss_functions),
    (_has("p0", "grads"), layers.adam),
    (_ends("/src_label"), data_sets.data_set),
    (_ends("/semantics"), layers.semantics),
    (_has("slice1/l1"), networks.perceptual),
    (_ends("/sd_names"), networks.generator),
    (_ends("/cot_pred0", "/cot_feat0"), networks.discriminator),
    (_ends("/cot_mu"), networks.encoder),
    (_ends("/image_u8", "/mu"), networks.full_encoder),
    (_has("real_u8", "pred0"), networks.full_discriminator),
    (_has("probe/head_0", "y"), networks.full_generator),
    (lambda found: set(found) == {"x", "y"}, layers.image_to_uint8),
    (lambda found: all(k.startswith("f64/n") for k in found), layers.schedule),
)


def runner_of(keys, kind: str | None = None) -> Runner | None:
    """The function that compares a fixture, None for unknown ones.

    Args:
        keys: of the fixture's arrays.
        kind: what the manifest's entry calls it.
    """
    if kind is not None:
        return KINDS.get(kind)
    keys = set(keys)
    return next((run for fits, run in BY_KEYS if fits(keys)), None)


def fixtures(folder: Path) -> Iterator[tuple[str, Callable[[], Iterator[Check]]]]:
    """Names and comparisons of everything in a folder.

    Raises:
        FileNotFoundError: a folder without ``manifest.json``.
    """
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, entry in manifest.get("fixtures", {}).items():
        fixture = Fixture(folder / name, entry)
        yield name, functools.partial(pretrained.compare, fixture)
    for name, entry in manifest.get("files", {}).items():
        fixture = Fixture(folder / name, entry)
        kind = entry.get("kind")
        runner = runner_of(kind or entry.get("keys") or fixture.data, kind)
        if runner is None:
            runner = _unknown
        yield name, lambda runner=runner, fixture=fixture: runner(fixture)
    for name in manifest.get("other_files", {}):
        if name == "init_stats.json":
            path = folder / name
            yield name, lambda path=path: initial_values.statistics(path)
    for path in sorted((folder / "segmenters").glob("*.json")):
        yield f"segmenters/{path.name}", lambda path=path: segmenters.compare(path)


def _unknown(fixture):
    found = fixture.entry.get("kind", "with these keys")
    yield Check(f"no comparison for a fixture {found}", float("inf"), 0.0)


def report(name: str, checks: list[Check], seconds: float) -> str:
    """One line: verdict, worst check, error and tolerance."""
    worst = max(checks, key=lambda check: check.strain)
    failed = sum(not check.passed for check in checks)
    verdict = "FAIL" if failed else "pass"
    line = f"{verdict}  {name:<34} error {worst.error:9.2e}  tolerance "
    line += f"{worst.tolerance:7.1e}  at {worst.name}  ({len(checks)} checks"
    guided = sum(check.name.endswith(training.GUIDED) for check in checks)
    if guided:
        line += f", {guided} from the float64 state"
    exact = sum(check.name.endswith(FLIPPED) for check in checks)
    if exact:
        line += f", {exact} in float64 at kinks"
    return line + (f", {failed} beyond" if failed else "") + f", {seconds:.0f} s)"


def main(argv=None) -> int:
    """Runs all fixtures; the exit status is 1 if any failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.parity", description=__doc__)
    parser.add_argument(
        "folders",
        type=Path,
        nargs="+",
        metavar="DIR",
        help="folders that hold manifest.json and fixtures",
    )
    parser.add_argument("--only", default="", help="part of the fixtures' names")
    parser.add_argument(
        "--convolution",
        choices=METHODS,
        default="auto",
        help="how 3x3 convolutions are computed (auto: by size)",
    )
    parser.add_argument("--verbose", action="store_true", help="every failing check")
    options = parser.parse_args(argv)
    for folder in options.folders:
        if not (folder / "manifest.json").is_file():
            parser.error(f"{folder}: no manifest.json here; give a fixture folder")
    verdicts = Counter(
        _verdict(name, run, options)
        for folder in options.folders
        for name, run in fixtures(folder)
        if options.only in name
    )
    skips = f", {verdicts['skip']} skipped" if verdicts["skip"] else ""
    print(f"{verdicts['pass']} passed, {verdicts['fail']} failed{skips}")
    return 1 if verdicts["fail"] or not verdicts["pass"] else 0


def _verdict(name, run, options):
    """Runs a fixture, prints its line and returns ``pass``, ``fail`` or ``skip``."""
    start = time.perf_counter()
    try:
        with convolution_method(options.convolution):
            found = list(run()) or [Check("nothing was compared", float("inf"), 0.0)]
    except ImportError as error:
        print(f"skip  {name:<34} {error}", flush=True)
        return "skip"
    except Exception:  # a broken fixture must not hide the others
        print(f"FAIL  {name}\n{traceback.format_exc()}", flush=True)
        return "fail"
    print(report(name, found, time.perf_counter() - start), flush=True)
    if options.verbose:
        for check in found:
            if not check.passed:
                print(f"      {check.name}: {check.error:.3e} > {check.tolerance}")
    return "pass" if all(check.passed for check in found) else "fail"


if __name__ == "__main__":
    sys.exit(main())
