"""Work spread over processes keeps its order and its errors."""

import operator
import os

import pytest

from ccfpse_tf.data.prepare.parallel import WorkerPool, usable_cores
from ccfpse_tf.errors import DataErrors, InputError


@pytest.mark.parametrize("count", [1, 2])
def test_results_come_in_the_order_of_the_items(count):
    with WorkerPool(count) as workers:
        assert list(workers.map(operator.neg, range(30))) == [-n for n in range(30)]
        assert list(workers.map(operator.neg, [])) == []


def test_items_are_taken_only_a_little_ahead():
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    with WorkerPool(2) as workers:
        results = workers.map(operator.neg, items())
        assert next(results) == 0
        assert len(taken) < 20
        results.close()


def test_errors_of_workers_arrive_whole():
    with WorkerPool(2) as workers:
        with pytest.raises(DataErrors) as error:
            list(workers.map(raise_problems, ["a", "b"]))
    assert error.value.problems == ("a",)


def raise_problems(text):
    """Runs in a worker."""
    raise DataErrors([text])


def test_a_killed_worker_is_explained():
    with WorkerPool(2) as workers:
        with pytest.raises(InputError, match="fewer --workers"):
            list(workers.map(os._exit, [1, 1]))


def test_there_is_at_least_one_core():
    assert usable_cores() >= 1
