"""Makes plain code of the cross references in docstrings, such as ``:func:`name```."""

import re

import griffe

ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):`~?([^`]+)`")


class Roles(griffe.Extension):
    """Rewrites docstrings as they are read from the sources."""

    def on_object(self, *, obj, **kwargs) -> None:
        """Rewrites the docstring of a module, class, function or value."""
        if obj.docstring:
            obj.docstring.value = ROLE.sub(r"`\1`", obj.docstring.value)
