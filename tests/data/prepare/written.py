"""Reads back what `prepare` wrote."""

import hashlib

from ccfpse_tf.data.records import decode_record, read_description


def contents(folder):
    """Digest of every visible file."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".")
    }


def records_of(folder, split):
    import tensorflow as tf

    description = read_description(folder)
    paths = [str(path) for path in description.shard_paths(folder, split)]
    return [
        {
            name: value.numpy()
            for name, value in decode_record(
                serialized, description.label_channels, description.instances
            ).items()
        }
        for serialized in tf.data.TFRecordDataset(paths)
    ]
