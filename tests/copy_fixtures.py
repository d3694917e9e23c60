"""Copies reference fixtures into ``tests/fixtures``, without what their rules can make.

``python -m tests.copy_fixtures DIR`` takes a folder as ``python -m tests.parity`` reads
it. Weights that the manifest's rule gives exactly are left out, and so are the final
weights of training runs (their sums stay), which keeps the copy to a few megabytes.
"""

import argparse
import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np

from tests.parity import rules

TARGET = Path(__file__).parent / "fixtures"
# Too large, or of parts of the project that have tests of their own.
LEFT_OUT = ("full_cityscapes_G.npz", "full_ade20k_G.npz", "checkpoint_expected.npz")
# Of the other methods (files whose entries have a ``kind``): what is copied, and which
# of several variants; None copies all.
BASELINES = {
    "spade_block.npz": None,
    "spade_losses.npz": None,
    "spade_discriminator.npz": "wide",
    "spade_generator.npz": "normal_novae",
    "spade_trajectory_vae.npz": None,
    "ablation_cc_multiscale.npz": None,
    "pix2pixhd_losses.npz": None,
    "pix2pixhd_encoder.npz": None,
    "pix2pixhd_generator.npz": "local",
    "pix2pixhd_trajectory_local_feat.npz": None,
    "crn.npz": None,
    "sims_synthesis.npz": None,
    "sims_retrieval.npz": None,
}
# Keys of large arrays that are left out.
LARGE = {
    "crn.npz": r"/update/|y_last$|diverse/grad_y$|f64/diverse/y$",
    "sims_synthesis.npz": r"^(f64/)?fine/|y_last$|f64/base/y$",
}
# Of an entry: what only documents it, and shapes, which our networks know.
DOCUMENTATION = ("keys", "noise", "weight_shapes", "bytes", "sha256")


def main(argv=None) -> None:
    """Writes the trimmed fixtures and their manifest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(argv).folder
    manifest = json.loads((folder / "manifest.json").read_text())
    baselines = any("kind" in entry for entry in manifest["files"].values())
    target = TARGET / "baselines" if baselines else TARGET
    target.mkdir(exist_ok=True)
    files = {}
    for name, entry in manifest["files"].items():
        if name in LEFT_OUT or baselines and name not in BASELINES:
            continue
        with np.load(folder / name) as file:
            data = {key: file[key] for key in file.files}
        if name in LARGE:
            data = {
                key: x for key, x in data.items() if not re.search(LARGE[name], key)
            }
        if BASELINES.get(name):
            data, entry = _one_variant(data, entry, BASELINES[name])
        _write(target / name, _trimmed(data, entry))
        dropped = DOCUMENTATION if baselines else ("keys",)
        files[name] = {key: value for key, value in entry.items() if key not in dropped}
    kept = {key: manifest[key] for key in ("set", "reference", "weight_rules")}
    kept |= {"files": files}
    if not baselines:
        for name in manifest["other_files"]:
            if "/" not in name:
                (target / name).write_bytes((folder / name).read_bytes())
        kept |= {"other_files": {"init_stats.json": {}}}
    (target / "manifest.json").write_text(json.dumps(kept, indent=1))


def _one_variant(data, entry, variant):
    """Arrays and entry of one variant; the others' float64 values go, too."""
    data = {key: x for key, x in data.items() if key.startswith(f"{variant}/")}
    for key in ("config", "weight_prefix"):
        entry = entry | {key: {variant: entry[key][variant]}}
    return data, entry


def _trimmed(data, entry):
    return {
        key: value
        for key, value in data.items()
        if not key.startswith(("final/", "final_delta16/", "final_eval/", "f64/final/"))
        and not _made_by_rule(key, value, data, entry)
    }


def _made_by_rule(key, value, data, entry):
    if "sd/" not in key or not entry["weight_rule"] or "kind" in entry:
        return False  # the other methods' fixtures hold no such weights
    variant, name = key.split("sd/", 1)
    prefix = entry["weight_prefix"]
    if isinstance(prefix, dict):
        net, name = name.split("/", 1)
        prefix = prefix[net]
    if name.endswith("num_batches_tracked"):
        return True
    rule = entry["weight_rule"]
    if name.endswith((".weight_u", ".weight_v")):
        layer = name.rsplit(".", 1)[0]
        kernel = data[f"{key.rsplit('.', 1)[0]}.weight_orig"]
        u, v = rules.spectral_vectors(prefix, layer, kernel)
        return np.array_equal(u if name.endswith("_u") else v, value)
    return np.array_equal(rules.tensor(prefix, name, value.shape, rule), value)


def _write(path, arrays):
    """As ``np.savez``, with LZMA, which packs weights on a grid far better."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for key, value in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, value)
            # A fixed date: the same arrays give the same file.
            archive.writestr(
                zipfile.ZipInfo(f"{key}.npy"), buffer.getvalue(), zipfile.ZIP_LZMA
            )


if __name__ == "__main__":
    main()
