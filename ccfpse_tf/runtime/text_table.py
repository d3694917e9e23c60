"""Tables of plain text, the same on a terminal and in a file."""

import io
from collections.abc import Iterable, Sequence


def text_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1
) -> str:
    """Returns aligned text without borders, colours or broken lines.

    Args:
        headings: of the columns.
        rows: one text for each column.
        left: how many columns, from the first on, are aligned at the left; the others
            are aligned at the right, as numbers are.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for place, heading in enumerate(headings):
        justify = "left" if place < left else "right"
        table.add_column(Text(heading), justify=justify, no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    file = io.StringIO()
    # Wider than any line: scripts read the lines, so nothing may be cut or broken.
    console = Console(file=file, width=1 << 20, color_system=None, force_terminal=False)
    console.print(table, crop=False)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())
