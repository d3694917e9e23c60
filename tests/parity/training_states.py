"""The weights at the end of a training run, beside those of the reference."""

from collections.abc import Iterator

import numpy as np

from ccfpse_tf.convert.state import official_state
from tests.parity import checks
from tests.parity.checks import Check, relative
from tests.parity.rules import gaussian

BUFFERS = (".weight_u", ".weight_v", ".running_mean", ".running_var")
FIRST_GRADIENTS = "iter1_grad/"
COSINES = {"G": 0.998, "D": 0.99, "E": 0.998}  # of the total update, in float32


def start_of(fixture, part, net):
    """The official state that the training begins with."""
    return fixture.state(part, [f"sd/{net}/"], net)


def cosines(fixture, run) -> Iterator[Check]:
    """Cosine between our total update and the reference's, over trained tensors."""
    for net, changes in run.updates.items():
        start = start_of(fixture, run.parts[net], net)
        skipped = vanishing(fixture, net) if "kind" in fixture.entry else ()
        ours, theirs = [], []
        for name, change in changes.items():
            if name.endswith(BUFFERS) or name in skipped:
                continue
            stored = _stored_change(fixture.data, net, name, start[name])
            if stored is not None:
                ours.append(change.ravel())
                theirs.append(stored.ravel())
        if ours:
            ours, theirs = np.concatenate(ours), np.concatenate(theirs)
            lengths = np.linalg.norm(ours) * np.linalg.norm(theirs)
            cosine = ours @ theirs / lengths
            yield Check(f"1 - cosine of {net}'s update", 1 - cosine, 1 - COSINES[net])


def vanishing(fixture, net) -> set[str]:
    """Tensors without a gradient but for rounding, by which Adam moves them."""
    # Float64 tells them apart: its rounding is far below the limit.
    prefix = f"f64/{FIRST_GRADIENTS}{net}"
    columns = [fixture.data[f"{prefix}/{key}"] for key in ("names", "l2")]
    limit = checks.VANISHING * columns[1].max()
    return {str(name) for name, l2 in zip(*columns, strict=True) if 0 <= l2 < limit}


def _stored_change(data, net, name, start):
    if f"final_delta16/{net}/{name}" in data:
        return data[f"final_delta16/{net}/{name}"].astype(np.float64)
    if f"final/{net}/{name}" in data:
        return data[f"final/{net}/{name}"] - start.astype(np.float64)
    return None


def final_states(fixture, net, part) -> Iterator[Check]:
    """Final weights, batch statistics and spectral vectors of the float64 run."""
    data, state = fixture.data, official_state(part)
    for name, ours in state.items():
        key = f"f64/final/{net}/{name}"
        if key in data:
            yield relative(key, ours, data[key], checks.STATE)
    summary = f"f64/summary/{net}"
    if f"{summary}/names" not in data:
        return
    rows, skipped = data.get(f"{summary}/sum_l2_probe"), set()
    if rows is None:  # of the updates, not of the final weights
        rows, skipped = data[f"{summary}/update_sum_l2_probe"], vanishing(fixture, net)
        start = start_of(fixture, part, net)
        state = {name: value - start[name] for name, value in state.items()}
    for name, (_, length, projection) in zip(
        data[f"{summary}/names"], rows, strict=True
    ):
        if name not in state or name in skipped:
            continue
        ours = state[name]
        probe = (ours * gaussian(f"probe/{name}", ours.shape)).sum()
        size = np.linalg.norm(ours)
        yield relative(f"{summary}/{name} l2", size, length, checks.STATE)
        error = abs(probe - projection) / max(length, 1e-30)
        yield Check(f"{summary}/{name} probe", error, checks.STATE)
