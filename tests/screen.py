"""A terminal for tests: a stream that passes for one, and the lines that it shows."""

import io
import re

# Text, or one control sequence. Colours and the cursor's visibility change no text.
_PARTS = re.compile(r"\x1b\[(?P<value>[?\d;]*)(?P<code>[A-Za-z])|(?P<text>[^\x1b])")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True

    def screen(self):
        """Returns the lines that a terminal shows after the output, the last one open.

        Raises:
            ValueError: a control sequence that these lines do not account for.
        """
        lines, row, column = [""], 0, 0
        for part in _PARTS.finditer(self.getvalue()):
            if part["code"] == "K" and part["value"] == "2":
                lines[row] = ""
            elif part["code"] == "A":
                row -= int(part["value"])
            elif part["code"] in ("m", "h", "l"):
                pass
            elif part["code"]:
                raise ValueError(f"unexpected control sequence {part[0]!r}")
            elif part["text"] == "\n":
                row, column = row + 1, 0
                lines += [""] * (row == len(lines))
            elif part["text"] == "\r":
                column = 0
            else:
                line = lines[row].ljust(column)
                lines[row] = line[:column] + part["text"] + line[column + 1 :]
                column += 1
        return [line.rstrip() for line in lines]
