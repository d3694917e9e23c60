"""What is made for a training's callbacks before it begins."""

from types import SimpleNamespace

import numpy as np

from ccfpse_tf.config import Config, override
from ccfpse_tf.data.records import read_description
from ccfpse_tf.evaluation.image_metric import EvaluatedImage
from ccfpse_tf.runs.run_folder import Run
from ccfpse_tf.training.callback_list import TrainingContext, make_callbacks
from ccfpse_tf.training.length import Length
from ccfpse_tf.training.validation import MetricCallback
from tests.evaluation import tiny


def test_statistics_of_the_photographs_are_made_before_the_first_step(tmp_path):
    records = tiny.make_records(tmp_path)
    config = override(
        Config(name="folder"),
        [
            f"data.records={records}",
            "data.batch_size=1",
            "losses.perceptual_network=off",
            "data.image_size=64x64",
            f"evaluation.features={tiny.make_features(tmp_path)}",
            "evaluation.every_epochs=1",
        ],
    )
    run = Run(tmp_path / "run", config)
    run.logs.mkdir(parents=True)
    callbacks = make_callbacks(
        TrainingContext(
            run=run,
            store=SimpleNamespace(model=SimpleNamespace(generator=None), step=0),
            description=read_description(records),
            group=SimpleNamespace(chief=True, any=None),
            status=None,
            open_stream=None,
            length=Length.of(config),
        )
    )
    assert (run.directory / "reference.npz").exists()
    (callback,) = [x for x in callbacks if isinstance(x, MetricCallback)]
    (metric,) = callback.metrics
    for index in range(2):
        image = np.full((64, 64, 3), 99 * index, np.uint8)
        metric.update(EvaluatedImage(index, str(index), image, image, {}))
    assert metric.result()["generated"]["frechet_distance[quarters]"] > 0
