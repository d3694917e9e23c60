"""Photos and label maps of your own, in plain folders.

    python tfrecords/folder.py --images DIR --labels DIR --out records/mine

Photo and label map share their name: `a.jpg` and `a.png`; folders inside are fine.
Label maps are PNGs of class ids 0, 1, 2, ... (grey, or with a colour table), or of
colours that a palette file explains:

    0    128 128 128   sky          # id, red, green, blue, name
    1    128   0   0   building
    -      0   0   0   not labelled

Try `--check` first: it lists all problems at once and prints the classes. Then

    --num-classes 11 --dont-care-id 11     instead of the values in the files
    --palette FILE                         names and colours
    --val-images DIR --val-labels DIR      a validation split, or
    --val-fraction 0.1                     a part of the photos
    --instances DIR                        instance maps, any ids up to 65535
    --size 192x256                         rows x columns; 256x256 if not given

More: docs/data.md.
"""

from ccfpse_tf.data.prepare.prepare import main
from ccfpse_tf.errors import exit_cleanly

if __name__ == "__main__":
    exit_cleanly(lambda: main("folder"))
