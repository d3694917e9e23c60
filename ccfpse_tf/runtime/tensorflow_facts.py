"""What TensorFlow says of itself, as JSON, from a process that its import may end.

python -m ccfpse_tf.runtime.tensorflow_facts
"""

import json


def main() -> None:
    """Prints a line once TensorFlow is there, and one once Keras is, too."""
    import tensorflow as tf

    build = tf.sysconfig.get_build_info()
    gpus = tf.config.list_physical_devices("GPU")
    details = tf.config.experimental.get_device_details
    facts = {
        "version": tf.__version__,
        "cuda": build.get("cuda_version"),
        "cudnn": build.get("cudnn_version"),
        "gpus": [details(gpu).get("device_name", gpu.name) for gpu in gpus],
    }
    print(json.dumps(facts), flush=True)
    import keras

    print(json.dumps({"version": keras.__version__}))


if __name__ == "__main__":
    main()
