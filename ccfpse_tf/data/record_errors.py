"""Records that cannot be read, named by file and key, with the way out."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from google.protobuf.message import DecodeError

from ccfpse_tf.data.records import Description, decode_record, read_description
from ccfpse_tf.errors import InputError

# The second one comes where TensorFlow's message repeats bytes of a record.
_UNDECODABLE = (tf.errors.InvalidArgumentError, UnicodeDecodeError)
_INPUT_ERROR = re.compile(r"\bInputError: (.*?)\n(?:\n|Traceback)", re.DOTALL)
_MEND = "run prepare again, which writes only what is missing"


@contextlib.contextmanager
def clear_record_errors(records_dir: str | Path) -> Iterator[None]:
    """Turns TensorFlow's errors while records are read into `InputError`.

    Only after such an error are the records searched for the damaged one.

    Args:
        records_dir: folder with `dataset.json`.
    """
    try:
        yield
    except tf.errors.DataLossError as error:
        damaged = ", ".join(damaged_shards(records_dir)) or "a record"
        raise InputError(
            f"{records_dir}: {damaged} is damaged ({reason_of(error)}); delete the "
            f"file and {_MEND}; then give the same command to go on"
        ) from error
    except tf.errors.NotFoundError:
        read_description(records_dir)  # names the shards that are gone
        raise
    except _UNDECODABLE as error:
        own = _INPUT_ERROR.search(str(error))
        if own:  # of a Python function in the pipeline
            raise InputError(own[1]) from error
        found = undecodable_record(records_dir)
        if found is None:  # not a matter of the records
            raise
        shard, key, reason = found
        raise InputError(
            f"{records_dir}: {shard}: the record {key} cannot be decoded ({reason}), "
            "as its photo or map was damaged when it was stored; delete the file "
            f"{shard} and {_MEND}, and names the photo or map if it must be replaced; "
            "then give the same command to go on"
        ) from error


def damaged_shards(records_dir: str | Path) -> list[str]:
    """Returns the names of shards that hold a record with a wrong checksum."""
    damaged = []
    for path in _shards(read_description(records_dir), records_dir):
        try:
            for _ in tf.data.TFRecordDataset(str(path)):
                pass  # reading compares the checksums
        except tf.errors.DataLossError:
            damaged.append(path.name)
    return damaged


def undecodable_record(records_dir: str | Path) -> tuple[str, str, str] | None:
    """Returns shard, key and reason of the first record that cannot be decoded.

    Of a record whose key cannot be read either, it is the number in its shard, from 0.
    """
    description = read_description(records_dir)
    channels, instances = description.label_channels, description.instances

    def decoded(number, serialized):
        example = decode_record(serialized, channels, instances)
        # Their sizes, too, so that no optimiser leaves the decoding out.
        return number, [tf.size(value) for value in example.values()]

    for path in _shards(description, records_dir):
        records = tf.data.TFRecordDataset(str(path))
        # On all cores: the numbers of the good ones arrive in order.
        numbers = records.enumerate().map(decoded, tf.data.AUTOTUNE).ignore_errors()
        good = 0
        for number, _ in numbers.as_numpy_iterator():
            if number != good:
                break
            good += 1
        for serialized in records.skip(good).take(1):
            try:
                decode_record(serialized, channels, instances)
            except _UNDECODABLE as error:
                return path.name, _key(serialized) or str(good), reason_of(error)
    return None


def reason_of(error: tf.errors.OpError | UnicodeDecodeError) -> str:
    """The line of a TensorFlow error that says what happened.

    From inside a graph it stands after the Python lines that made the node, and before
    the node's name; outside, between the name of a function and that of the operation.
    """
    if isinstance(error, UnicodeDecodeError):
        return "it is not an example of this package"
    lines = [line.strip() for line in error.message.splitlines() if line.strip()]
    named = (i for i, line in enumerate(lines) if "{{node" in line)
    place = next(named, 0)
    line = lines[place - 1 if place else 0]
    return line.rpartition("}} ")[2].partition("[[")[0].partition(" [Op:")[0].strip()


def _shards(description: Description, records_dir: str | Path) -> Iterator[Path]:
    for split in description.splits:
        yield from description.shard_paths(records_dir, split)


def _key(serialized: tf.Tensor) -> str:
    try:
        example = tf.train.Example.FromString(serialized.numpy())
    except DecodeError:
        return ""
    key = b"".join(example.features.feature["key"].bytes_list.value)
    return repr(key.decode(errors="backslashreplace")) if key else ""
