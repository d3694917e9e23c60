"""ADE20K: 20,210 + 2,000 photos, 150 classes and don't care, no instances.

    python tfrecords/ade20k.py --source DIR --out records/ade20k

DIR is the scene parsing release ADEChallengeData2016:

    images/training/ADE_train_00000001.jpg
    annotations/training/ADE_train_00000001.png   0 = unknown, 1..150
    images/validation/  annotations/validation/

Photos become 286x286 for training, of which 256x256 are cropped later, and 256x256
for validation. About 3.5 GB.
`--label-mapping shift` (the default) makes classes 0..149 and unknown 150;
`--label-mapping raw` keeps 0..150, which the published CC-FPSE weights need.
`--tfds [DATA_DIR]` reads an installed copy of TFDS's `scene_parse150` instead, if its
annotations are the 150 classes. More: docs/data.md.
"""

from ccfpse_tf.data.prepare.prepare import main
from ccfpse_tf.errors import exit_cleanly

if __name__ == "__main__":
    exit_cleanly(lambda: main("ade20k"))
