"""Run as a program: asks an exported model with nothing but TensorFlow.

    python plain_tensorflow.py LOADER MODEL REQUESTS.npz ANSWERS.npz

LOADER is ``python``, or ``session``: that of TensorFlow Serving. Requests are arrays
named ``signature/case/input``, answers ``signature/case/output``.
"""

import sys

sys.modules["ccfpse_tf"] = None  # whoever imports it gets an error

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402


def main(loader, model, requests, answers):
    """Answers all requests."""
    cases = {}
    with np.load(requests, allow_pickle=True) as arrays:
        for name, value in arrays.items():
            signature, case, key = name.split("/")
            cases.setdefault((signature, case), {})[key] = value
    found = {}
    for (signature, case), outputs in LOADERS[loader](model, cases):
        for key, value in outputs.items():
            found[f"{signature}/{case}/{key}"] = np.asarray(value)
    np.savez(answers, **found)


def python(model, cases):
    """By ``tf.saved_model.load``; graphs run as they are: to optimise takes longer."""
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    signatures = tf.saved_model.load(model).signatures
    for (signature, case), inputs in cases.items():
        inputs = {key: tf.constant(value) for key, value in inputs.items()}
        yield (signature, case), signatures[signature](**inputs)


def session(model, cases):
    """By a session, with tensors found by the signatures' names."""
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], model)
        for (signature, case), inputs in cases.items():
            names = meta.signature_def[signature]
            feed = {names.inputs[key].name: value for key, value in inputs.items()}
            fetch = {key: info.name for key, info in names.outputs.items()}
            yield (signature, case), session.run(fetch, feed)


LOADERS = {"python": python, "session": session}

if __name__ == "__main__":
    main(*sys.argv[1:])
