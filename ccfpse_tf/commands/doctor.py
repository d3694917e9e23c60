"""``ccfpse doctor``: what is installed and found here, for a look or for a report."""

import json


def add(commands) -> None:
    """Adds the subcommand to the parser of ``ccfpse``."""
    parser = commands.add_parser(
        "doctor", help="print versions, devices, settings, and what is wrong with them"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for tools")
    parser.set_defaults(action=run)


def run(arguments) -> int:
    """Prints the diagnosis; returns 1 where something keeps a training from running."""
    from ccfpse_tf.commands.diagnosis import diagnose

    found = diagnose()
    print(json.dumps(found, indent=2) if arguments.json else text(found))
    return 1 if found["problems"] else 0


def text(found: dict) -> str:
    """Returns the diagnosis for people.

    Args:
        found: of :func:`ccfpse_tf.commands.diagnosis.diagnose`.
    """
    lines = []
    for heading, content in found.items():
        lines += ["", heading]
        if not content:
            lines.append("  none")
        elif isinstance(content, dict):
            width = max(map(len, content)) + 2
            lines += [f"  {name:{width}}{value}" for name, value in content.items()]
        else:
            lines += [f"  - {item}" for item in content]
    return "\n".join(lines[1:])
