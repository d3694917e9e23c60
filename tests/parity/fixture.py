"""A fixture file together with its entry in the manifest."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ccfpse_tf.convert.official_tensors import entries
from ccfpse_tf.layers.layout import LayoutEncoding
from ccfpse_tf.models.discriminators.fpse import FPSEDiscriminator
from ccfpse_tf.models.generators.ccfpse import Generator
from ccfpse_tf.models.style_encoder import StyleEncoder
from tests.parity import rules


def nhwc(array) -> np.ndarray:
    """``(n, c, h, w)`` to ``(n, h, w, c)``."""
    return np.ascontiguousarray(np.moveaxis(np.asarray(array), 1, -1))


def nchw(array) -> np.ndarray:
    """``(n, h, w, c)`` to ``(n, c, h, w)``."""
    return np.moveaxis(np.asarray(array), -1, 1)


@dataclass(frozen=True)
class Fixture:
    """Arrays of one ``.npz`` and its manifest entry."""

    path: Path
    entry: dict

    @cached_property
    def data(self) -> dict[str, np.ndarray]:
        """All arrays; PyTorch's layout, channels before rows."""
        with np.load(self.path) as file:
            return {key: file[key] for key in file.files}

    @property
    def config(self) -> dict:
        """The configuration of the reference."""
        return self.entry["config"]

    def state(self, part, prefixes, net: str | None = None) -> dict[str, np.ndarray]:
        """The official state dictionary for ``part``.

        Args:
            part: a built network, for names and shapes; None takes those of the
                manifest.
            prefixes: of the stored tensors' keys, later ones win; tensors that are not
                stored are made by the manifest's rule.
            net: which of several networks' or cases' rules to use.
        """
        if part is None:
            wanted = self._of(net, "weight_shapes")
        else:
            wanted = {
                entry.name: entry.to_official(np.zeros(entry.variable.shape)).shape
                for entry in entries(part)
            }
        stored = {}
        for prefix in prefixes:
            for key, value in self.data.items():
                name = key.removeprefix(prefix)
                if key.startswith(prefix) and name in wanted:
                    stored[name] = value
        prefix = self._of(net, "weight_prefix")
        return rules.state(prefix, wanted, self.entry["weight_rule"], stored)

    def _of(self, net, key):
        """What the manifest says for all networks together, or for each."""
        value = self.entry[key]
        return value[net] if isinstance(value, dict) and net in value else value


def label_channels(config) -> int:
    """One-hot channels of an official configuration."""
    return config["label_nc"] + int(config.get("contain_dontcare_label", False))


def layout_encoding(config, dtype=None) -> LayoutEncoding:
    """The layout layer of an official configuration."""
    instances = not config["no_instance"]
    return LayoutEncoding(label_channels(config), instances, dtype=dtype)


def generator(config, dtype=None) -> Generator:
    """The generator of an official configuration, built."""
    width = config["crop_size"]
    model = Generator(
        config["semantic_nc"],
        (round(width / config["aspect_ratio"]), width),
        ngf=config["ngf"],
        # The official code knows no other way to say it.
        depth=6 if config["dataset_mode"] == "cityscapes" else 5,
        z_dim=config["z_dim"] if config["use_vae"] else 0,
        dtype=dtype,
    )
    model.build()
    return model


def discriminator(config, dtype=None) -> FPSEDiscriminator:
    """The discriminator of an official configuration, built."""
    model = FPSEDiscriminator(config["semantic_nc"], config["ndf"], dtype=dtype)
    model.build()
    return model


def encoder(config, dtype=None) -> StyleEncoder:
    """The encoder of an official configuration, built."""
    model = StyleEncoder(config["ngf"], config["z_dim"], dtype=dtype)
    model.build()
    return model
