"""Run as a program: asks an exported model with nothing but TensorFlow.

    python plain_tensorflow.py MODEL REQUESTS.npz ANSWERS.npz

Requests are arrays named ``signature/case/input``, answers ``signature/case/output``
with ``python`` or ``session`` before.
"""

import sys

sys.modules["ccfpse_tf"] = None  # whoever imports it gets an error

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402


def main(model, requests, answers):
    """Answers all requests, by the Python loader and by a session."""
    cases = {}
    with np.load(requests, allow_pickle=True) as arrays:
        for name, value in arrays.items():
            signature, case, key = name.split("/")
            cases.setdefault((signature, case), {})[key] = value
    found = {}
    loaded = tf.saved_model.load(model)
    for (signature, case), inputs in cases.items():
        inputs = {key: tf.constant(value) for key, value in inputs.items()}
        for key, value in loaded.signatures[signature](**inputs).items():
            found[f"python/{signature}/{case}/{key}"] = value.numpy()
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        # The loader of TensorFlow Serving, with tensors found by the signatures' names.
        meta = tf.compat.v1.saved_model.load(session, ["serve"], model)
        for (signature, case), inputs in cases.items():
            names = meta.signature_def[signature]
            feed = {names.inputs[key].name: value for key, value in inputs.items()}
            fetch = {key: info.name for key, info in names.outputs.items()}
            for key, value in session.run(fetch, feed).items():
                found[f"session/{signature}/{case}/{key}"] = value
    np.savez(answers, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
