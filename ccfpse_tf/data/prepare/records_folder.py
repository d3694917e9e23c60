"""The folder that records are written to, where finished shards are kept.

Shards are written under a hidden name and renamed when whole. `.prepare.json` holds
the settings and a digest of the inputs that they belong to, so that the same command
goes on where it was stopped and another one cannot mix with it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ccfpse_tf.data import description
from ccfpse_tf.data.records import Record, serialize_record
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.atomic import new_file, write_json
from ccfpse_tf.files.locks import RECORDS_LOCK, locked

_STATE = ".prepare.json"


class OutputFolder:
    """Claims a folder for one set of settings and inputs.

    Args:
        path: made if absent; otherwise empty, or begun by the same command.
        settings: JSON values that the records depend on.
        inputs: digest of the input files.

    Raises:
        InputError: if the folder holds other files; names each setting that differs.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any], inputs: str) -> None:
        self.path = path
        # As JSON gives it back, so that it compares equal to what was stored.
        self._prepared = json.loads(
            json.dumps({"settings": settings, "inputs": inputs})
        )
        self._shards: dict[str, int] = {}
        self.checked: dict[str, Any] | None = None
        before = self._earlier()
        if before is not None:
            self._compare(before)
            self._shards, self.checked = before["shards"], before["checked"]

    @property
    def prepared(self) -> dict[str, Any]:
        """Settings and inputs, for `dataset.json`."""
        return self._prepared

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Locks the folder, so that no second run writes there."""
        with locked(self.path / RECORDS_LOCK, "another run is writing"):
            for leftover in self.path.glob(".*.partial"):
                leftover.unlink()
            yield

    def is_finished(self, name: str) -> bool:
        """Returns whether a shard is there with the size that was written."""
        path = self.path / name
        return path.is_file() and path.stat().st_size == self._shards.get(name)

    def size_of(self, name: str) -> int:
        """Bytes of a finished shard."""
        return self._shards[name]

    def complete(self) -> bool:
        """Returns whether `dataset.json` and every shard are there."""
        done = (self.path / description.FILE_NAME).is_file() and self._shards
        return bool(done) and all(map(self.is_finished, self._shards))

    def note_checked(self, summaries: dict[str, Any]) -> None:
        """Notes that the inputs are in order, and the counts of their values."""
        self.checked = summaries
        self._save()

    def write_shard(self, name: str, records: Iterable[Record]) -> None:
        """Writes a shard, whole or not at all."""
        path = self.path / name
        with new_file(path) as aside:
            write_records(aside, records)
        self._shards[name] = path.stat().st_size
        self._save()

    def finish(self, result: description.Description) -> None:
        """Writes `dataset.json`, which marks the records as complete; tidies up."""
        description.write_description(self.path, result)
        (self.path / _STATE).unlink(missing_ok=True)

    def _earlier(self) -> dict[str, Any] | None:
        """Returns the notes of an earlier run, None for an empty or absent folder."""
        try:
            names = sorted(os.listdir(self.path))
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            raise InputError(f"{self.path}: is a file; name a folder") from None
        try:
            if _STATE in names:
                text = (self.path / _STATE).read_text(encoding="utf-8")
                return _notes(**json.loads(text))
            if description.FILE_NAME in names:
                if finished := self._from_finished():
                    return _notes(**finished)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{self.path}: its notes on an earlier run are damaged ({error!r}); "
                "delete the folder or name another --out"
            ) from error
        others = [name for name in names if not name.startswith(".")]
        if others:
            raise InputError(
                f"{self.path}: holds other files ({others[0]}, {len(others)} in all); "
                "name a new or an empty folder as --out"
            )
        return None

    def _from_finished(self) -> dict[str, Any] | None:
        path = self.path / description.FILE_NAME
        fields = json.loads(path.read_text(encoding="utf-8"))
        if not fields["prepared"]:  # not of records: a run has such a file, too
            return None
        shards = {}
        for split, facts in fields["splits"].items():
            for index, size in enumerate(facts["shard_bytes"]):
                name = description.shard_name(
                    fields["name"], split, index, facts["shards"]
                )
                shards[name] = size
        prepared = dict(fields["prepared"])
        if fields.get("label_format") == "ids":  # then no colour was looked at
            settings = dict(prepared["settings"])
            settings.pop("label_colors", None)
            prepared["settings"] = settings
        return prepared | {"shards": shards, "checked": None}

    def _compare(self, before: Mapping[str, Any]) -> None:
        there, now = before["settings"], self._prepared["settings"]
        changes = [
            f"{key} was {there.get(key)!r}, is now {now.get(key)!r}"
            for key in sorted({*there, *now})
            # A setting that earlier versions did not note is as it was.
            if there.get(key, now.get(key)) != now.get(key)
        ]
        if not changes and before["inputs"] != self._prepared["inputs"]:
            changes = ["the input files have changed since"]
        if changes:
            raise InputError(
                f"{self.path}: holds records made otherwise: {'; '.join(changes)}; "
                "name another --out, or delete that folder"
            )

    def _save(self) -> None:
        state = self._prepared | {"checked": self.checked, "shards": self._shards}
        write_json(self.path / _STATE, state)


def _notes(settings: dict, inputs: str, shards: dict, checked: dict | None) -> dict:
    """What is noted on an earlier run; a `TypeError` tells what is missing."""
    settings.keys(), shards.keys()  # an `AttributeError` where they are something else
    return {
        "settings": settings,
        "inputs": inputs,
        "shards": shards,
        "checked": checked,
    }


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Writes a TFRecord file.

    Raises:
        OSError: for a full or forbidden disk, with the file's name.
    """
    import tensorflow as tf

    try:
        with tf.io.TFRecordWriter(str(path)) as writer:
            for record in records:
                writer.write(serialize_record(record))
    except tf.errors.OpError as error:
        number = {
            tf.errors.ResourceExhaustedError: errno.ENOSPC,
            tf.errors.PermissionDeniedError: errno.EACCES,
        }.get(type(error), errno.EIO)
        raise OSError(number, error.message, str(path.parent)) from error
