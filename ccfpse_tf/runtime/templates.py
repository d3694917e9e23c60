"""Text files that are filled in from templates."""

from pathlib import Path


def render(template: Path, **values: object) -> str:
    """Returns a Jinja template's text with values filled in.

    Values are escaped in templates that end in ``.html``. A template may include files
    of its folder, such as styles and scripts.

    Raises:
        jinja2.UndefinedError: the template names a value that is not given.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(template.parent, encoding="utf-8"),
        autoescape=template.suffix == ".html",
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template.name).render(values)
