"""Small evaluation networks, by kind."""

from ccfpse_tf.evaluation.networks.deeplab import DeepLabV2
from ccfpse_tf.evaluation.networks.drn import DilatedResidualNetwork
from ccfpse_tf.evaluation.networks.upernet import UPerNet

NETWORKS = {
    "drn": lambda: DilatedResidualNetwork(
        5, widths=(3, 4, 5, 2, 3, 4, 5, 6, 7), blocks=(1, 2, 2, 1)
    ),
    "upernet": lambda: UPerNet(5, (3, 4, 5), (2, 3, 4, 5), (1, 2, 2, 1), 6),
    "deeplab": lambda: DeepLabV2(5, widths=(4, 2, 3, 4, 5), blocks=(1, 2, 2, 1)),
    "deeplab factor": lambda: DeepLabV2(
        5, (4, 2, 3, 4, 5), (1, 2, 2, 1), scale_rule="factor"
    ),
}
