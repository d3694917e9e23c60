"""The first epochs on windows of half the size, across interruptions."""

import pytest
import tensorflow as tf

from ccfpse_tf.config import Config, override
from ccfpse_tf.data.prepare import prepare
from ccfpse_tf.gan.adversarial_model import AdversarialModel
from ccfpse_tf.training.train import train
from tests.data.toy import folder_argv, make_folder
from tests.recipes import build_eager


@pytest.fixture
def config(tmp_path, monkeypatch):
    make_folder(tmp_path / "photos", 4, (128, 160), classes=3, instances=True)
    argv = folder_argv(tmp_path / "photos", tmp_path / "records", "--keep-size")
    prepare.main("folder", argv)
    monkeypatch.setattr("ccfpse_tf.training.train.build_model", build_eager)
    settings = [
        *("generator.architecture=ccfpse_compact", "generator.ngf=2"),
        *("generator.hidden=4", "generator.z_dim=4", "discriminator.ndf=2"),
        *("losses.perceptual_network=off", "data.image_size=128x128"),
        *("data.batch_size=2", f"data.records={tmp_path / 'records'}"),
        *("schedule.steps_per_epoch=2", "schedule.epochs=3", "schedule.small_epochs=2"),
        *("schedule.images_every=100", "schedule.checkpoint_every=1"),
    ]
    return override(Config(name="folder"), settings)


def test_the_first_epochs_see_small_windows(config, tmp_path, monkeypatch):
    seen = []

    def step(self, data):
        seen.append(tuple(data["image"].shape[1:3]))
        if len(seen) == 2:
            raise KeyboardInterrupt
        self._count(tf.zeros((), tf.int64))
        return self._track({name: tf.zeros(()) for name in self.logged})

    monkeypatch.setattr(AdversarialModel, "train_step", step)
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "run")
    assert train(config, tmp_path / "run") == 6
    small, whole = (64, 64), (128, 128)
    assert seen == [small, small, *[small] * 3, *[whole] * 2]
