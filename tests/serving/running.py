"""A real server in a process of its own, on loopback."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "from ccfpse_tf.commands.main import main; main()"]


@contextlib.contextmanager
def server(*arguments, command="serve"):
    """Starts ``ccfpse serve ARGUMENTS --port 0``; yields its process and its URL.

    The first model has been loaded then.
    What it prints to its error stream is in ``process.stderr``; it is killed at the end
    if it still runs.
    """
    process = subprocess.Popen(
        [*COMMAND, command, *map(str, arguments), "--port", "0"],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "CUDA_VISIBLE_DEVICES": "-1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        found = re.search(r"at (http://\S+)/ ", line)
        if not found:
            raise RuntimeError(f"no server: {line}{process.stderr.read()}")
        while "starting" in _config(found[1]):
            time.sleep(0.05)
        yield process, found[1]
    finally:
        process.kill()
        process.communicate()


def _config(url):
    with urllib.request.urlopen(f"{url}/config.json", timeout=60) as answer:
        return json.load(answer)


def memory_of(pid):
    """Resident memory of a process in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024
