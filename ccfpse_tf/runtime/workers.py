"""Several processes, on one or more machines, that train one model together.

``TF_CONFIG`` names them, see :mod:`ccfpse_tf.runtime.tf_config`. All of them do the
same at the same time. Work of one alone (the chief writes pictures and checkpoints, and
prints) must not start a computation of all, or it would wait for the others forever.
"""

import contextlib
import zlib
from collections.abc import Callable

from ccfpse_tf.errors import InputError
from ccfpse_tf.runtime.tf_config import Workers, first_line


class WorkerGroup:
    """The workers of a training, and the operations that they do together.

    A single process is a group of its own and never waits.

    Args:
        strategy: from `devices.open_strategy`.
        workers: the processes.
    """

    def __init__(self, strategy, workers: Workers):
        self.strategy = strategy
        self.workers = workers
        self._add = _adder(strategy) if workers.several else None

    @property
    def chief(self) -> bool:
        """True for the process that writes."""
        return self.workers.chief

    def any(self, flag: bool) -> bool:
        """Returns whether ``flag`` is true on any worker; all must call this."""
        if not self.workers.several:
            return flag
        return bool(self._rows([flag])[:, 0].any())

    def check_same(self, step: int, content: str) -> None:
        """Checks that the workers are about to train the same.

        Args:
            step: restored from the run folder.
            content: config and data as text.

        Raises:
            InputError: on every worker: the step of each, or the one that differs.
        """
        if not self.workers.several:
            return
        rows = self._rows([step, zlib.crc32(content.encode())])
        steps, digests = rows.T.astype(int).tolist()
        if len(set(steps)) > 1:
            raise InputError(
                f"the workers have restored different steps, {_listed(steps)}: --run "
                "must be one folder that all of them see, as on a network disk"
            )
        if len(set(digests)) > 1:
            other = next(i for i, x in enumerate(digests) if x != digests[0])
            raise InputError(
                f"worker {other} ({self.workers.addresses[other]}) has another config "
                "or other records than the chief; start all with the same command"
            )

    def stream(self, open_stream: Callable, batch_size: int):
        """Opens the training data, of which each worker decodes its own rows only.

        Args:
            open_stream: takes ``shard=(index, count)`` or nothing, returns batches.
            batch_size: over all replicas.

        Returns:
            Batches for ``fit``. Replica i has rows ``[i n, (i + 1) n)`` of every batch.
        """
        if not self.workers.several:
            return open_stream()
        import tensorflow as tf

        def of_worker(context):
            shard = context.input_pipeline_id, context.num_input_pipelines
            stream = open_stream(shard=shard)
            per_replica = context.get_per_replica_batch_size(batch_size)
            if per_replica < batch_size // context.num_input_pipelines:
                stream = stream.rebatch(per_replica)
            # Marked as endless, else the workers exchange at every step whether they
            # have a batch.
            endless = tf.data.experimental.assert_cardinality(
                tf.data.INFINITE_CARDINALITY
            )
            return stream.apply(endless)

        return self.strategy.distribute_datasets_from_function(of_worker)

    @contextlib.contextmanager
    def clear_errors(self, directory):
        """Turns the loss of another worker into a message with the way out.

        Args:
            directory: the run folder.
        """
        if not self.workers.several:
            yield
            return
        import tensorflow as tf

        lost = (
            tf.errors.UnavailableError,
            tf.errors.AbortedError,
            tf.errors.CancelledError,
            tf.errors.DeadlineExceededError,
            tf.errors.FailedPreconditionError,
        )
        try:
            yield
        except lost as error:
            place = self.workers.addresses[self.workers.index]
            raise InputError(
                f"worker {self.workers.index} ({place}) has lost another one of the "
                f"{len(self.workers.addresses)}, whose own output says why "
                f"({first_line(error)}); start all of them again with the same "
                f"command: {directory} goes on from its last checkpoint"
            ) from error

    def _rows(self, values):
        """The values of all workers, ``(workers, values)``."""
        import numpy as np

        rows = np.zeros((len(self.workers.addresses), len(values)))
        rows[self.workers.index] = values
        local = self.strategy.num_replicas_in_sync // len(self.workers.addresses)
        return self._add(rows) / local  # each local replica has added its own


def _adder(strategy):
    """A function that adds a float64 array up over all replicas."""
    import tensorflow as tf

    @tf.function(reduce_retracing=True)
    def add(values):
        def on_replica():
            replica = tf.distribute.get_replica_context()
            # A copy, as only values on a replica's own device are added up.
            return replica.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(values))

        return strategy.experimental_local_results(strategy.run(on_replica))[0]

    return lambda values: add(tf.constant(values, tf.float64)).numpy()


def _listed(steps):
    return ", ".join(f"worker {i}: {step}" for i, step in enumerate(steps))
