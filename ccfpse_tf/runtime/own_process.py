"""Work in a process of its own, which gives all its memory back at its end."""

import dataclasses
import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
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


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a module's process has answered.

    Attributes:
        code: its exit code, or minus the number of the signal that ended it; None where
            it took too long and was ended.
        lines: the JSON values that it printed until its end, one per line.
        errors: the text of its error stream.
    """

    code: int | None
    lines: list
    errors: str

    @property
    def complaint(self) -> str:
        """The last line of the error stream that is not empty."""
        lines = [line.strip() for line in self.errors.splitlines() if line.strip()]
        return lines[-1] if lines else ""


def ask_module(
    module: str,
    request: object = None,
    environment: Mapping[str, str | None] | None = None,
    seconds: float | None = None,
) -> Answers:
    """Runs ``python -m module`` on a request, whatever becomes of that process.

    Unlike :func:`call_alone` it needs no ``if __name__ == "__main__"`` in the program
    that calls it.

    Args:
        module: prints JSON values, one per line.
        request: JSON for its standard input.
        environment: variables that differ from this process's; None takes one out.
        seconds: the longest wait.
    """
    places = os.pathsep.join(place or os.getcwd() for place in sys.path)
    variables = os.environ | {"PYTHONPATH": places}
    for name, value in (environment or {}).items():
        variables.pop(name, None)
        if value is not None:
            variables[name] = value
    # -P: no file of the working folder takes the place of a module.
    command = [sys.executable, "-P", "-m", module]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(request),
            env=variables,
            timeout=seconds,
            capture_output=True,
            text=True,
            errors="replace",
        )
    except subprocess.TimeoutExpired as error:
        return Answers(None, [*_values(_text(error.stdout))], _text(error.stderr))
    return Answers(done.returncode, [*_values(done.stdout)], done.stderr)


def _values(text):
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return  # the process was ended while it wrote


def _text(found):
    return found.decode(errors="replace") if isinstance(found, bytes) else found or ""
