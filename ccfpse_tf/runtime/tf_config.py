"""The processes that train one model together, as ``TF_CONFIG`` lists them."""

import contextlib
import dataclasses
import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping

from ccfpse_tf.errors import InputError
from ccfpse_tf.runtime.gathering import gather, split_address
from ccfpse_tf.runtime.interruption import interrupted_by_signals

# Of the wait for the others at the start, and of one sum over all workers: far above
# what the chief takes between two steps for pictures and checkpoints. Workers that have
# died are noticed within seconds anyway, by missing heartbeats; this ends the wait for
# one that hangs.
TIMEOUT = 3600
_EXAMPLE = (
    '{"cluster": {"worker": ["host:port", ...]}, '
    '"task": {"type": "worker", "index": 0}}'
)
_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}


@dataclasses.dataclass(frozen=True)
class Workers:
    """The processes of a training, and the place of this one among them.

    Args:
        addresses: ``host:port`` of each, the chief first; empty for a single process.
        index: this process's place among them.
    """

    addresses: tuple[str, ...] = ()
    index: int = 0

    @property
    def several(self) -> bool:
        """True if there are other processes."""
        return len(self.addresses) > 1

    @property
    def chief(self) -> bool:
        """True for the process that writes checkpoints and logs, and prints."""
        return self.index == 0

    def connect(self):
        """Waits for the others and returns the strategy over all.

        Raises:
            InputError: they do not come together.
            KeyboardInterrupt: Ctrl-C, SIGTERM or SIGHUP during the wait.
        """
        import tensorflow as tf

        if self.chief:
            others = ", ".join(self.addresses[1:])
            print(
                f"workers  {len(self.addresses)}, waiting for {others} "
                f"(up to {TIMEOUT // 60} minutes; Ctrl-C ends)",
                flush=True,
            )
        options = tf.distribute.experimental.CommunicationOptions(
            timeout_seconds=TIMEOUT
        )
        try:
            with interrupted_by_signals():
                gather(self.addresses, self.index, TIMEOUT)
                with _killed_by_ctrl_c():
                    return tf.distribute.MultiWorkerMirroredStrategy(
                        communication_options=options
                    )
        except (tf.errors.OpError, RuntimeError, OSError, InputError) as error:
            raise InputError(
                f"worker {self.index} at {self.addresses[self.index]} cannot join the "
                f"{len(self.addresses)} of TF_CONFIG ({first_line(error)}); start all "
                "of them, each with its own index and a free port"
            ) from error


def read_workers(environment: Mapping[str, str] = os.environ) -> Workers:
    """Reads ``TF_CONFIG``; one worker or none is a single process.

    Raises:
        InputError: a value that TensorFlow could not use, roles that a training does
            not have, an address that is none or occurs twice.
    """
    text = environment.get("TF_CONFIG", "")
    if not text.strip():
        return Workers()
    cluster, job, index = _parsed(text)
    others = sorted({*cluster, job} - {"chief", "worker"})
    if others:
        raise _refusal(
            text, f"has {others[0]!r}; workers (and a chief) alone train here"
        )
    tasks, chiefs = cluster.get(job, []), cluster.get("chief", [])
    if not 0 <= index < len(tasks):
        raise _refusal(
            text,
            f"task {job} {index} is not in the cluster, which has {len(tasks)} of them",
        )
    addresses = (*chiefs, *cluster.get("worker", []))
    if len(addresses) == 1:
        return Workers()
    if len(chiefs) > 1:
        raise _refusal(
            text, f"has {len(chiefs)} chiefs; list all but one under 'worker'"
        )
    _check_addresses(text, addresses)
    return Workers(addresses, index + (len(chiefs) if job == "worker" else 0))


def first_line(error: Exception) -> str:
    """Returns the line of a TensorFlow error that names the cause."""
    message = getattr(error, "message", None) or str(error)
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    told = [line for line in lines if "Collective ops is aborted" in line]
    return (told or lines or [repr(error)])[0][:300]


def _parsed(text):
    """Addresses by job, and job and index of this process."""
    try:
        values = json.loads(text)
        cluster, task = values["cluster"], values["task"]
        job, index = task["type"], task["index"]
        if isinstance(index, str):
            index = int(index)
        wrong = [tasks for tasks in cluster.values() if not isinstance(tasks, list)]
        if wrong:
            raise TypeError(f"{wrong[0]!r} is not a list of addresses")
        if not isinstance(index, int) or isinstance(index, bool):
            raise TypeError(f"the index {index!r} is not a whole number")
        if not isinstance(job, str):
            raise TypeError(f"the type {job!r} is not a text")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _refusal(text, f"cannot be read ({error!r}); write {_EXAMPLE}") from None
    return cluster, job, index


def _check_addresses(text, addresses):
    """Refuses addresses at which the workers could only wait for ever."""
    seen = {}
    for address in addresses:
        try:
            host, port = split_address(address)
        except (ValueError, AttributeError):
            raise _refusal(
                text,
                f"{address!r} is not an address; write host:port for every worker, "
                'such as "node0:12345"',
            ) from None
        host = "localhost" if host.lower() in _THIS_MACHINE else host.lower()
        first = seen.setdefault((host, port), address)
        if first is not address or addresses.count(address) > 1:
            both = first if first == address else f"{first} and {address}"
            raise _refusal(
                text,
                f"two workers have one address, {both}; give each its own "
                "host, or its own port where they share a machine",
            )


def _refusal(text, problem):
    shown = text if len(text) <= 200 else text[:197] + "..."
    return InputError(f"TF_CONFIG {shown}: {problem}")


@contextlib.contextmanager
def _killed_by_ctrl_c() -> Iterator[None]:
    """Lets Ctrl-C end the process where Python's handlers do not run.

    TensorFlow connects within seconds once all workers are there. If one is lost at
    that moment, it waits for an hour without giving Python a chance to do anything.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
