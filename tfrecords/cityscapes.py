"""Cityscapes: 2,975 + 500 photos, raw labelIds (35 channels), with instances.

    python tfrecords/cityscapes.py --source DIR --out records/cityscapes

DIR holds the unpacked official archives gtFine and leftImg8bit:

    leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png
    gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png     0..33
    gtFine/train/aachen/aachen_000000_000019_gtFine_instanceIds.png  16 bits
    leftImg8bit/val/  gtFine/val/

Everything becomes 256 rows x 512 columns. About 0.7 GB. Ids above 34, 255 included,
are errors, as official labelIds do not have them (trainIds are numbered otherwise).
`--tfds [DATA_DIR]` reads an installed copy of TFDS's `cityscapes` instead, which lacks
instance maps, and so do its records. More: docs/data.md.
"""

from ccfpse_tf.data.prepare.prepare import main
from ccfpse_tf.errors import exit_cleanly

if __name__ == "__main__":
    exit_cleanly(lambda: main("cityscapes"))
