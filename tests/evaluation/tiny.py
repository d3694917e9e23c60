"""Records, an untrained run and a segmenter that knows the answer, all tiny."""

import json

import keras
import numpy as np

from ccfpse_tf.config import (
    Config,
    DataConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    LossConfig,
    override,
)
from ccfpse_tf.data.prepare import prepare
from ccfpse_tf.data.records import read_description
from ccfpse_tf.gan.build import build_model
from ccfpse_tf.runs.checkpoints import CheckpointStore
from ccfpse_tf.runs.run_folder import open_run
from tests.data.toy import save

CLASSES, SIZE, COUNT = 4, (64, 64), 5
GREYS = np.arange(CLASSES) * 60 + 20  # what a class looks like in the photographs


def make_records(root, train=1, dont_care=False):
    """Five drawn layouts of four classes, whose photographs show the class as grey.

    ``train`` of them are to train on, the others to validate. With ``dont_care`` a
    corner of each is not labelled.
    """
    random = np.random.default_rng(0)
    for number in range(COUNT):
        label = random.integers(0, CLASSES, (4, 4)).repeat(16, 0).repeat(16, 1)
        image = GREYS[label][..., None].repeat(3, -1).astype(np.uint8)
        save(root / "in" / "image" / f"p{number}.png", image)
        if dont_care:
            label[:16, :16] = 255
        save(root / "in" / "label" / f"p{number}.png", label.astype(np.uint8))
    folders = [f"--{name}s={root}/in/{name}" for name in ("image", "label")]
    sizes = [
        "--val-fraction",
        str(1 - train / COUNT),
        "--keep-size",
        "--num-classes",
        str(CLASSES),
        "--workers",
        "1",
        *(["--dont-care-id", "255"] if dont_care else []),
    ]
    prepare.main("folder", [*folders, "--out", str(root / "records"), *sizes])
    return root / "records"


def make_run(records, folder, settings=()):
    """A run whose generator is as it was initialised."""
    config = Config(
        name="folder",
        generator=GeneratorConfig(ngf=2, z_dim=4, hidden=4),
        discriminator=DiscriminatorConfig(ndf=2),
        losses=LossConfig(perceptual_network="off"),
        data=DataConfig(records=str(records), image_size=SIZE, batch_size=1),
    )
    config = override(config, settings)
    description = read_description(records)
    run = open_run(folder, config, description)
    model = build_model(config, description, 1)
    CheckpointStore(model, run.checkpoints, config=config).save()
    return folder


def make_segmenter(folder):
    """A Keras model that finds the classes by their greys."""
    image = keras.Input((None, None, 3))
    # Nearest grey: the largest of -(x - g)^2, up to what all classes share.
    scores = keras.layers.Conv2D(CLASSES, 1, name="greys")
    model = keras.Model(image, scores(image))
    kernel = np.zeros((1, 1, 3, CLASSES), np.float32)
    kernel[0, 0] = 2 * GREYS / 3
    model.get_layer("greys").set_weights([kernel, -(GREYS.astype(np.float32) ** 2)])
    path = folder / "greys.keras"
    model.save(path)
    names = [f"class {index}" for index in range(CLASSES)]
    facts = {"classes": names, "image_size": list(SIZE), "scores": "logits"}
    (folder / "segmenter.json").write_text(json.dumps(facts))
    return path


def make_features(folder):
    """A Keras model: the mean colour of each quarter of an image, 12 features."""
    image = keras.Input((None, None, 3))
    cells = keras.layers.AveragePooling2D(32)(image)
    model = keras.Model(image, keras.layers.Reshape((12,))(cells))
    path = folder / "quarters.keras"
    model.save(path)
    return path
