"""The description of records that need not be there."""

from ccfpse_tf.data.description import Description, Split


def described(**changes):
    """Two classes, four images."""
    split = Split(4, 1, 72, 72, (72, 72), (4,), (100,))
    values = {
        "name": "test",
        "num_classes": 2,
        "dont_care_index": None,
        "instances": False,
        "label_mapping": "identity",
        "class_names": ("a", "b"),
        "palette": ((0, 0, 0), (1, 1, 1)),
        "label_ids": {0: 0, 1: 1},
        "splits": {"train": split},
        "tool": "test",
    }
    return Description(**values | changes)
