"""Street scenes that this package draws: 12 classes and don't care, with instances.

    python tfrecords/scenes.py --out records/scenes --train 1000 --val 100

A download is not needed. Training scenes are 72x72, of which 64x64 are cropped later,
validation scenes 64x64; `--size 128x256` draws larger ones. The same `--seed` draws
the same scenes. About 10 KB an image. More: docs/data.md.
"""

from ccfpse_tf.data.prepare.prepare import main
from ccfpse_tf.errors import exit_cleanly

if __name__ == "__main__":
    exit_cleanly(lambda: main("scenes"))
