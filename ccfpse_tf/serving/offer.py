"""A model that a server can load."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Offer:
    """A model that can be loaded.

    Attributes:
        name: in the API's paths.
        load: returns a ``loaded_versions.LoadedVersions``. It is called in a thread,
            with a function that takes words for what is being done, such as "reading
            version 3".
        version: the number that is shown before it is loaded.
        note: a line about it that the command prints, or an empty text.
        named_by_folder: False for presets, whose name stands in their metadata.
    """

    name: str
    load: Callable[[Callable[[str], None]], object]
    version: int = 1
    note: str = ""
    named_by_folder: bool = True
