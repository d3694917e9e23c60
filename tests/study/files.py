"""Pictures for a study, and files of answers as its page writes them."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (48, 64)


def write_pictures(root: Path, count: int, size=SIZE) -> tuple[Path, Path, Path]:
    """Folders of smooth images, of noisy ones, and of label maps with ids 0..2."""
    folders = tuple(
        root / name for name in ("one_method", "other_method", "label_maps")
    )
    for folder in folders:
        folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    ramp = np.linspace(40, 215, size[1])[None, :, None] * np.ones((*size, 3))
    for index in range(count):
        smooth = ramp * rng.uniform(0.5, 1, 3)
        noisy = smooth + rng.normal(0, 20, smooth.shape)
        label = np.digitize(
            np.add.outer(np.arange(size[0]), np.arange(size[1])), (40, 70)
        )
        for folder, picture in zip(folders, (smooth, noisy, label), strict=True):
            picture = np.clip(picture, 0, 255).astype(np.uint8)
            Image.fromarray(picture).save(folder / f"k{index:02d}.png")
    return folders


def write_key(path: Path, pairs: int, checks: int = 0, repeats: int = 0) -> None:
    """A key with the pairs p0, p1, ... and the checks c0, c1, ..."""
    content = {
        "kind": "ccfpse study key",
        "format": 1,
        "study": "s",
        "a": "ours",
        "b": "theirs",
        "options": {"per_rater": pairs, "repeats": repeats, "question": "which?"},
        "pairs": {f"p{i}": {"a": f"a{i}.png", "b": f"b{i}.png"} for i in range(pairs)},
        "checks": {
            f"c{i}": {"image": f"g{i}.png", "spoilt": f"s{i}.png"}
            for i in range(checks)
        },
    }
    path.write_text(json.dumps(content))


def answer(trial: str, value: str, side: str = "left", repeat=False, seconds=2.0):
    """One entry: "a", "b", "g" (good) or "s" (spoilt), chosen on ``side``."""
    number, names = trial[1:], "ab" if trial[0] == "p" else "gs"
    other = names.replace(value, "")
    shown = [f"pictures/{name}{number}.png" for name in (value, other)]
    left, right = shown if side == "left" else shown[::-1]
    return {
        "trial": trial,
        "repeat": repeat,
        "left": left,
        "right": right,
        "choice": side,
        "seconds": seconds,
    }


def write_result(path: Path, rater: str, answers: list, **changes) -> Path:
    """A file of answers."""
    content = {
        "kind": "ccfpse study result",
        "format": 1,
        "study": "s",
        "rater": rater,
        "session": f"session of {path.name}",
        "answers": answers,
    }
    path.write_text(json.dumps(content | changes))
    return path
