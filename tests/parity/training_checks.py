"""What a training step is compared with: its losses, images and first gradients."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tests.parity import checks
from tests.parity.checks import Check, absolute, relative
from tests.parity.fixture import nchw
from tests.parity.layers import official_gradients
from tests.parity.training_states import FIRST_GRADIENTS, vanishing

LOSSES = {
    "GAN": "gan",
    "GAN_Feat": "feature_matching",
    "KLD": "kl",
    "D_Fake": "d_fake",
    "D_real": "d_real",
}
SMALL_LOSS = 1e-5  # absolute error of a loss near 0


def first_gradients(fixture, run) -> Iterator[Check]:
    """Lengths of the gradients in the first step, to the losses' tolerance."""
    data, parts, found = fixture.data, run.parts, run.steps[0]
    generator = found["gradients of G"]
    count = len(parts["G"].trainable_variables)
    gradients = {
        "G": generator[:count],
        "D": found["gradients of D"],
        "E": generator[count:],
    }
    for net, part in parts.items():
        named = official_gradients(part, gradients[net])
        columns = [
            data[f"{FIRST_GRADIENTS}{net}/{column}"] for column in ("names", "l2")
        ]
        largest = columns[1].max()
        without = vanishing(fixture, net) if "kind" in fixture.entry else ()
        for name, theirs in zip(*columns, strict=True):
            if theirs < 0:
                continue
            key = f"{FIRST_GRADIENTS}{net}/{name}"
            ours = np.linalg.norm(named[str(name)].astype(np.float64))
            if theirs < checks.VANISHING * largest:
                yield Check(f"{key} vanishes", ours / largest, checks.VANISHING)
            elif name in without:  # the reference's own rounding is larger here
                yield Check(f"{key} vanishes", ours / largest, 2 * theirs / largest)
            else:
                yield relative(key, ours, theirs, 1e-3)


def loosely(fixture, iteration, found) -> Iterator[Check]:
    """Tight for two iterations, then twice the reference's own noise."""
    data = fixture.data
    floor = fixture.entry["noise_floor_float32_vs_float64"]
    early = iteration < 2
    for key, name in LOSSES.items():
        if f"losses/{key}" in data:
            theirs = data[f"losses/{key}"][iteration]
            limit = 1e-3 if early else max(2 * floor["losses_max_rel"][key], 1e-5)
            label = f"losses/{key} {iteration + 1}"
            yield _loss_check(fixture, label, found[name], theirs, limit)
    noise = floor["fake_Gstep_max_abs_per_iter"][iteration]
    ours, theirs = nchw(found["fake0"]), data["fake_Gstep"][iteration]
    limit = 1e-3 if early else 2 * noise
    yield absolute(f"fake_Gstep {iteration + 1}", ours, theirs, limit)
    # Later ones are in D's losses, which float64 holds to 1e-6.
    if early and "fake_Dstep" in data:
        ours, theirs = nchw(found["fake1"]), data["fake_Dstep"][iteration]
        yield absolute(f"fake_Dstep {iteration + 1}", ours, theirs, 1e-3)


def _loss_check(fixture, label, ours, theirs, limit):
    check = relative(label, ours, theirs, limit)
    if "kind" in fixture.entry and abs(theirs) < SMALL_LOSS / limit:
        # SPADE's GAN losses come near 0, where relative errors say nothing.
        error = absolute(label, ours, theirs, SMALL_LOSS).error / SMALL_LOSS
        return replace(check, error=error * limit)
    return check


def tightly(fixture, iteration, found) -> Iterator[Check]:
    """Every loss within 1e-6 relative, images within 1e-5."""
    data = fixture.data
    for key, name in LOSSES.items():
        if f"f64/losses/{key}" in data:
            theirs = data[f"f64/losses/{key}"][iteration]
            label = f"f64/losses/{key} {iteration + 1}"
            yield relative(label, found[name], theirs, 1e-6)
    ours, theirs = nchw(found["fake0"]), data["f64/fake_Gstep"][iteration]
    yield absolute(f"f64/fake_Gstep {iteration + 1}", ours, theirs, 1e-5)
