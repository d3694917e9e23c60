"""Runs all of them, one after the other: `make chaos`."""

import subprocess
import sys

SCRIPTS = (
    ["kills"],
    ["kills", "--kills", "10", "--devices", "cpu:2", "--average"],
    ["faults"],
    ["replicas"],
    ["soak"],
)


def main() -> int:
    """Returns 1 if any of them found an error."""
    failed = []
    for name, *options in SCRIPTS:
        command = ["-m", f"tests.chaos.{name}", *options]
        print(f"== python {' '.join(command)}", flush=True)
        if subprocess.run([sys.executable, *command], check=False).returncode:
            failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "all as expected")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
