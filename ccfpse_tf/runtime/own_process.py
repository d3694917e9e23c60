"""Work in a process of its own, which gives all its memory back at its end."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from ccfpse_tf.errors import InputError


def call_alone(what: str, function: Callable, *arguments):
    """Calls a function of a module in a fresh process.

    Args:
        what: the work, for the message of an error.
        function: of a module; it, its arguments and its result are pickled.
        arguments: of the call.

    Returns:
        The function's result.

    Raises:
        InputError: the process was ended from outside, as systems do that are out of
            memory.
        Exception: whatever the function raised.
    """
    # A fork would share TensorFlow's threads, which do not live on in it.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(function, *arguments).result()
        except BrokenProcessPool as error:
            raise InputError(
                f"{what}: its process was ended from outside, probably for want of "
                "memory; lower data.batch_size or a width, and start the same command "
                "again, which goes on from there"
            ) from error
