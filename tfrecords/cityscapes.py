"""Cityscapes: 2,975 + 500 photos, raw labelIds (35 channels), with instances.

    python tfrecords/cityscapes.py --source DIR --out records/cityscapes

DIR is what the official archives gtFine and leftImg8bit unpack to:

    leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png
    gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png     0..33
    gtFine/train/aachen/aachen_000000_000019_gtFine_instanceIds.png  16 bits
    leftImg8bit/val/  gtFine/val/

Everything becomes 256 rows x 512 columns. About 0.7 GB. Ids above 34, 255 included,
are errors: official labelIds have none (trainIds are another numbering).
`--tfds [DATA_DIR]` reads an installed copy of TFDS's `cityscapes` instead; that one
has no instance maps, so the records have none either. More: docs/data.md.
"""

from ccfpse_tf.data.prepare.prepare import main
from ccfpse_tf.errors import exit_cleanly

if __name__ == "__main__":
    exit_cleanly(lambda: main("cityscapes"))
