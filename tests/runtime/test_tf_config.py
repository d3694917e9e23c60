"""Reading ``TF_CONFIG``."""

import json

import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.runtime.tf_config import Workers, read_workers


def _environment(cluster, kind="worker", index=0):
    task = {"type": kind, "index": index}
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}


def test_one_worker_or_none_is_a_single_process():
    one = _environment({"worker": ["a:1"]})
    for environment in ({}, {"TF_CONFIG": " "}, one):
        workers = read_workers(environment)
        assert workers.chief and not workers.several


def test_the_chief_is_the_first():
    hosts = {"worker": ["a:1", "b:1"]}
    assert read_workers(_environment(hosts)) == Workers(("a:1", "b:1"), 0)
    second = read_workers(_environment(hosts, index=1))
    assert second.several and not second.chief and second.index == 1
    named = {"chief": ["c:1"], **hosts}
    assert read_workers(_environment(named, "chief")).chief
    assert read_workers(_environment(named)).index == 1


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"TF_CONFIG": "{"}, "cannot be read .*write"),
        ({"TF_CONFIG": '{"cluster": {"worker": ["a:1"]}}'}, "cannot be read"),
        ({"TF_CONFIG": '"text"'}, "cannot be read"),
        (_environment({"worker": ["a:1"]}, index=1), "worker 1 is not in the cluster"),
        (_environment({"worker": ["a:1"], "ps": ["b:1"]}), "has 'ps'"),
        (_environment({"worker": ["a:1"]}, "evaluator"), "has 'evaluator'"),
        (_environment({"chief": ["a:1", "b:1"]}, "chief"), "has 2 chiefs"),
        (_environment({"worker": "a:1"}), "'a:1' is not a list"),
        (_environment({"worker": ["a:1"]}, index=0.5), "0.5 is not a whole number"),
        (_environment({"worker": ["a:1"]}, kind=["worker"]), "is not a text"),
        (_environment({"worker": ["a:1", "b"]}), "'b' is not an address; write host"),
        (_environment({"worker": ["a:1", "b:99999"]}), "'b:99999' is not an address"),
        (_environment({"worker": ["a:1", None]}), "None is not an address"),
        ({"TF_CONFIG": "[" * 100_000}, "cannot be read"),
    ],
)
def test_what_is_no_cluster(environment, words):
    with pytest.raises(InputError, match=words):
        read_workers(environment)


@pytest.mark.parametrize(
    ("addresses", "both"),
    [
        (("a:1", "a:1"), "a:1;"),
        (("a:1", "b:1", "A:1"), "a:1 and A:1;"),
        (("127.0.0.1:1", "localhost:1"), "127.0.0.1:1 and localhost:1;"),
        (("[::1]:1", "localhost:01"), r"\[::1\]:1 and localhost:01;"),
    ],
)
def test_an_address_that_occurs_twice(addresses, both):
    with pytest.raises(InputError, match=f"have one address, {both} give each"):
        read_workers(_environment({"worker": addresses}))


def test_workers_of_one_machine_differ_in_their_ports():
    two = ("localhost:1", "127.0.0.1:2")
    assert read_workers(_environment({"worker": two})).addresses == two
