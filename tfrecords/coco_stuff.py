"""COCO-Stuff: 118,287 + 5,000 photos, 182 classes and don't care, with instances.

    python tfrecords/coco_stuff.py --source DIR --out records/coco_stuff

DIR has the layout of SPADE's and CC-FPSE's data sets:

    train_img/000000000009.jpg     photos of train2017
    train_label/000000000009.png   stuffthingmaps: ids 0..181, 255 = don't care
    train_inst/000000000009.png    instance ids, 8 bits
    val_img/  val_label/  val_inst/

Photos become 286x286 for training, of which 256x256 are cropped later, and 256x256
for validation; the aspect ratio is not kept, as in the paper. About 18 GB.
`--check` checks all files and prints the classes; `--no-instances` does without the
third folder. A stopped run goes on where it was when it is started again.
More: docs/data.md.
"""

from ccfpse_tf.data.prepare.prepare import main
from ccfpse_tf.errors import exit_cleanly

if __name__ == "__main__":
    exit_cleanly(lambda: main("coco_stuff"))
