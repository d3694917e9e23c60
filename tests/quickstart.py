"""Executes ``docs/quickstart.ipynb``.

    python -m tests.quickstart

rewrites its outputs, which takes some minutes.
"""

import hashlib
import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient

REPOSITORY = Path(__file__).resolve().parent.parent
PATH = REPOSITORY / "docs" / "quickstart.ipynb"
LONGEST = 3600  # seconds for a cell
EXECUTED = "executed_sha256"  # metadata: of the code that the outputs come from


def read() -> nbformat.NotebookNode:
    """Returns the notebook as it is committed."""
    return nbformat.read(PATH, as_version=4)


def digest(notebook: nbformat.NotebookNode) -> str:
    """Returns the SHA-256 of the code of all cells."""
    cells = (cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256("\0".join(cells).encode()).hexdigest()


def execute(notebook: nbformat.NotebookNode, folder: Path, **environment: str) -> None:
    """Runs all cells, and replaces their outputs.

    Args:
        notebook: changed in place.
        folder: that the cells run in; `recipes/` must lie beside it.
        environment: variables of the cells' process.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed; it holds the traceback.
    """
    client = NotebookClient(
        notebook,
        timeout=LONGEST,
        record_timing=False,
        coalesce_streams=True,  # the lines of a cell in one output
        resources={"metadata": {"path": str(folder)}},
    )
    # The package of this checkout, whichever is installed.
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)} | environment
    client.execute(env=environment)


def main() -> None:
    """Rewrites the outputs of the committed notebook."""
    notebook = read()
    # Kept as it is: executing adds the version of this Python.
    metadata = notebook.metadata | {EXECUTED: digest(notebook)}
    execute(notebook, PATH.parent)
    notebook.metadata = nbformat.from_dict(metadata)
    nbformat.write(notebook, PATH)


if __name__ == "__main__":
    main()
