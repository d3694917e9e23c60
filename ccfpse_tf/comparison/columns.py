"""What `compare` can compare: the methods of Table 1, the ablations of Table 2."""

import dataclasses

from ccfpse_tf.config import Config, override
from ccfpse_tf.gan import methods


@dataclasses.dataclass(frozen=True)
class Column:
    """A system to train.

    Attributes:
        title: as the paper's table names it; the published numbers go by it.
        method: its row in :data:`ccfpse_tf.gan.methods.METHODS`.
        settings: what differs from that method's own, as texts ``KEY=VALUE``.
    """

    title: str
    method: str
    settings: tuple[str, ...] = ()

    def config(self, base: Config) -> Config:
        """Returns a recipe's config with the method's settings and these."""
        return override(base, [*methods.settings(self.method), *self.settings])


# Weights of feature matching that belong to a sum over layers, and to a mean.
_PATCHES = ("discriminator.architecture=multiscale", "losses.feature_matching=10")
_FPSE = ("discriminator.architecture=fpse", "losses.feature_matching=20")
_NO_STYLE = ("generator.z_dim=0",)

COLUMNS: dict[str, Column] = {
    "crn": Column("CRN", "crn"),
    "sims": Column("SIMS", "sims"),
    "pix2pixhd": Column("pix2pixHD", "pix2pixhd"),
    "spade": Column("SPADE", "spade"),
    "ccfpse": Column("CC-FPSE", "ccfpse", _NO_STYLE),
    # Section 4.3 takes the method apart: the baseline is SPADE, and one part after the
    # other is added. F has the other half of the method first.
    "A": Column("A: SPADE", "spade"),
    "B": Column(
        "B: conditional convolution",
        "ccfpse",
        (*_NO_STYLE, *_PATCHES, "generator.pyramid=false"),
    ),
    "C": Column("C: B + layout pyramid", "ccfpse", (*_NO_STYLE, *_PATCHES)),
    "D": Column(
        "D: C + feature pyramid discriminator",
        "ccfpse",
        (*_NO_STYLE, *_FPSE, "discriminator.architecture=fpse_plain"),
    ),
    "E": Column("E: D + semantics embedding (CC-FPSE)", "ccfpse", _NO_STYLE),
    "F": Column("F: SPADE, FPSE discriminator", "spade", _FPSE),
}
TABLE_1 = ("crn", "sims", "pix2pixhd", "spade", "ccfpse")
TABLE_2 = ("A", "B", "C", "D", "E", "F")
