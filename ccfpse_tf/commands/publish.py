"""``ccfpse publish``: a run's weights as a preset, for a hub and with a demo."""

from pathlib import Path

from ccfpse_tf.commands import preset


def add(commands) -> None:
    """Adds the subcommand."""
    parser = commands.add_parser(
        "publish", help="write a run's weights as a preset, and upload it"
    )
    parser.set_defaults(action=run)
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder")
    preset.add_options(parser)
    parser.add_argument(
        "--push",
        metavar="hf://OWNER/NAME",
        help="upload the preset's files (pip install 'ccfpse-tf[hub]')",
    )
    parser.add_argument(
        "--space",
        action="store_true",
        help="also write the folder of a Gradio demo, beside DIR as DIR-space",
    )


def run(arguments) -> int:
    """Writes the preset, and what else is asked for; returns 0.

    Raises:
        InputError: as :func:`ccfpse_tf.commands.preset.write`; a demo that is there
            already; a hub that cannot be written to: the preset is written by then,
            and the demo is not.
    """
    from ccfpse_tf.export.space import space_of, write_space
    from ccfpse_tf.files.output_folder import check_out
    from ccfpse_tf.presets import hub
    from ccfpse_tf.presets.preset_facts import METADATA

    check_out(arguments.out, marker=METADATA, command="publish")
    if arguments.push:  # before an hour is spent
        hub.require_hub(f"--push {arguments.push}")
        hub.repository_of(arguments.push, pinned=False)
    space = space_of(arguments.out) if arguments.space else None
    written, sizes = preset.write(arguments)
    if arguments.push:  # first, as a demo that is there would be in the way of a retry
        where = hub.upload(arguments.out, arguments.push, list(sizes))
        print(f"uploaded to {arguments.push}: {where}")
    if space:
        names = write_space(
            space, arguments.out, written, list(sizes), arguments.licence
        )
        print(f"demo {space}: {', '.join(names)} and a copy of the preset")
    return 0
