"""Output that may lose its reader: `| head`, or a terminal that was closed."""

import errno
import io
import os
import sys

# The reader of a pipe has left; a terminal has hung up.
_GONE = {errno.EPIPE, errno.EIO}


def outlive_readers() -> None:
    """Lets this process go on when nobody reads its output any more.

    For commands whose results are files: once a reader has left, what they print goes
    nowhere. Streams that something else has put in place of the process's own, such as
    a notebook's, stay as they are; so do those of Windows, whose consoles are no files.
    """
    if sys.platform == "win32":
        return
    if sys.stdout is sys.__stdout__:
        sys.stdout = sys.__stdout__ = _lasting(sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = sys.__stderr__ = _lasting(sys.stderr)


class _LastingFile(io.FileIO):
    """An open descriptor that becomes the null device when its reader has left."""

    def write(self, data):
        """Writes; claims to have written what nobody can read."""
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in _GONE:
                raise
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(data)


def _lasting(stream):
    """A text stream as this one, for the same descriptor."""
    if stream is None or isinstance(_raw(stream), _LastingFile):
        return stream
    stream.flush()
    raw = _LastingFile(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        raw if stream.write_through else io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _raw(stream):
    return getattr(stream.buffer, "raw", stream.buffer)
