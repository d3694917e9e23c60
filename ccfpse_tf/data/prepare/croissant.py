"""``croissant.json``: what records are, for catalogues, as MLCommons' Croissant 1.0.

The format is that of http://mlcommons.org/croissant/1.0. It lists the shards with their
sizes and checksums, the splits and the classes. What nobody stated is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from ccfpse_tf.data.description import Description
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.atomic import write_json
from ccfpse_tf.files.digests import sha256_of_files

FILE_NAME = "croissant.json"
_TFRECORD = "https://www.tensorflow.org/tutorials/load_data/tfrecord"
_SPLITS = {"train": "cr:TrainingSplit", "val": "cr:ValidationSplit"}
# The same for all files of this format.
_PREFIXED = (
    "citeAs column conformsTo extract field fileProperty fileObject fileSet format "
    "includes isLiveDataset jsonPath key md5 parentField path recordSet references "
    "regex repeated replace samplingRate separator source subField transform "
    "equivalentProperty"
)
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{name: f"cr:{name}" for name in _PREFIXED.split()},
    "conformsTo": "dct:conformsTo",
}


def write_croissant(folder: Path, result: Description, licence: str | None) -> None:
    """Writes ``croissant.json`` beside finished shards, whole or not at all.

    Args:
        folder: with all shards; each is read for its checksum.
        result: their description.
        licence: of the data, an SPDX identifier or an address; None leaves it out.

    Raises:
        OSError: as the system reports it.
    """
    paths = [x for split in result.splits for x in result.shard_paths(folder, split)]
    write_json(folder / FILE_NAME, _content(result, list(map(_file, paths)), licence))


def stated_licence(folder: Path) -> str | None:
    """Returns the licence in ``croissant.json``, None without file or licence.

    Raises:
        InputError: a file that is not JSON.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found.get("license")
    except (ValueError, AttributeError) as error:
        raise InputError(
            f"{path}: is damaged ({error}); delete it, and the same command with "
            "--licence writes it again"
        ) from None


def _content(result: Description, files: list[dict], licence: str | None) -> dict:
    found = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": result.name,
        "description": _description(result),
        "version": "1.0.0",
        "keywords": ["semantic image synthesis", "semantic segmentation"],
        "distribution": files,
        "recordSet": list(_record_sets(result)),
    }
    return found | ({"license": licence} if licence else {})


def _description(result: Description) -> str:
    instances = " and a map of instances" if result.instances else ""
    counts = [f"{split.count} ({name})" for name, split in result.splits.items()]
    return (
        f"Images, each with a label map of {result.label_channels} classes{instances}: "
        f"{', '.join(counts)}. Every record is a tf.train.Example with PNG or JPEG "
        "files in the features image/encoded, label/encoded"
        f"{', instance/encoded' if result.instances else ''} and the text key. "
        f"Prepared by {result.tool}."
    )


def _file(path: Path) -> dict:
    return {
        "@type": "cr:FileObject",
        "@id": path.name,
        "name": path.name,
        "contentUrl": path.name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": _TFRECORD,
        "sha256": sha256_of_files(path),
    }


def _record_sets(result: Description) -> Iterator[dict]:
    splits = [
        {"name": name, "url": _SPLITS[name], "images": split.count}
        for name, split in result.splits.items()
    ]
    types = {"name": "sc:Text", "url": "sc:URL", "images": "sc:Integer"}
    yield _table("splits", types, splits, key="name") | {"dataType": "cr:Split"}
    shards = [
        {"file": path.name, "split": name, "images": length}
        for name, split in result.splits.items()
        for path, length in zip(
            result.shard_paths("", name), split.shard_lengths, strict=True
        )
    ]
    types = {"file": "sc:Text", "split": "sc:Text", "images": "sc:Integer"}
    yield _table("shards", types, shards, key="file")
    classes = [
        {"index": index, "name": name, "color": "#{:02x}{:02x}{:02x}".format(*color)}
        for index, (name, color) in enumerate(
            zip(result.index_names, result.index_palette, strict=True)
        )
    ]
    types = {"index": "sc:Integer", "name": "sc:Text", "color": "sc:Text"}
    yield _table("classes", types, classes, key="index")


def _table(name: str, types: Mapping[str, str], rows: list[dict], key: str) -> dict:
    """A set of records that stand in the file itself."""
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "key": {"@id": f"{name}/{key}"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{field}",
                "name": field,
                "dataType": kind,
            }
            for field, kind in types.items()
        ],
        "data": [
            {f"{name}/{field}": value for field, value in row.items()} for row in rows
        ],
    }
