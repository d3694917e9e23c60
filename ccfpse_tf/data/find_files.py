"""Finding the image files of a folder, by a template of their names."""

from __future__ import annotations

import os

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm")


def find_files(template: str, problems: list[str]) -> dict[str, str]:
    """Finds the files that match `folder/{key}ending`; returns key -> path."""
    before, after = template.split("{key}")
    root, prefix = os.path.split(before)
    root = root or "."
    if not os.path.isdir(root):
        problems.append(f"{root}: no such folder; expected files {template} there")
        return {}
    found: dict[str, str] = {}
    for folder, folders, names in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        relative = os.path.relpath(folder, root)
        for name in sorted(names):
            path = name if relative == "." else f"{relative}/{name}"
            key = _key_of(path, prefix, after)
            if key is None or name.startswith("."):
                continue
            full = os.path.join(root, path)
            if found.setdefault(key, full) != full:
                problems.append(f"{full}: same name as {found[key]}; keep one of them")
    return found


def _key_of(path: str, prefix: str, ending: str) -> str | None:
    if ending.endswith(".*"):
        stem, extension = os.path.splitext(path)
        if extension.lower() not in IMAGE_ENDINGS:
            return None
        path, ending = stem, ending[:-2]
    if not path.startswith(prefix) or not path.endswith(ending):
        return None
    return path[len(prefix) : len(path) - len(ending)] or None
