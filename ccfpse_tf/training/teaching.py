"""A training whose generator learns from the generator of another run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ccfpse_tf.config import Config, derive, override
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan import methods
from ccfpse_tf.runs.checkpoint_folder import (
    check_sizes,
    digest_of,
    newest_first,
    read_facts,
    require_checkpoint,
)
from ccfpse_tf.runs.data_check import describe_data
from ccfpse_tf.runs.run_folder import Run, read_run

# Of a student whose widths nobody chose.
WIDTHS = {"architecture": "ccfpse_compact", "ngf": 32, "hidden": 32, "pyramid": True}


@dataclasses.dataclass(frozen=True)
class Teaching:
    """A trained run, whose newest checkpoint teaches.

    Attributes:
        run: the teacher's.
        checkpoint: its folder.
    """

    run: Run
    checkpoint: Path

    @classmethod
    def open(cls, directory: Path) -> Teaching:
        """Opens a run as a teacher.

        Raises:
            InputError: not a run, or one without checkpoint, or whose newest one is
                damaged.
        """
        run = read_run(directory)
        checkpoint = require_checkpoint(run)
        try:
            check_sizes(checkpoint)
        except (OSError, ValueError) as error:
            raise InputError(_damaged(run, checkpoint, error)) from None
        return cls(run, checkpoint)

    @property
    def identity(self) -> str:
        """The teacher's folder, step and digest, which a student's config keeps."""
        step = read_facts(self.checkpoint)["step"]
        name = self.run.directory.resolve().name
        return f"{name}, step {step}, SHA-256 {digest_of(self.checkpoint)[:16]}"

    def student(self, assignments: list[str]) -> Config:
        """Returns the config of a student: the teacher's, with a compact generator.

        The style encoder and the discriminator have the teacher's shapes, as the
        student starts with their weights.

        Args:
            assignments: texts of ``--set``.

        Raises:
            InputError: wrong texts, or ones that ask for another encoder,
                discriminator or image size than the teacher's; a teacher without
                discriminator.
        """
        taught = self.run.config
        if taught.discriminator.architecture == "none":
            raise InputError(
                f"--teacher {self.run.directory}: is a run of "
                f"{taught.generator.architecture!r}, which has no discriminator for a "
                "student to start with; choose a run that has one"
            )
        encoder = {
            "encoder_ngf": taught.generator.encoder_ngf or taught.generator.ngf,
            # Some methods have no style code, whatever this says.
            "z_dim": methods.method_of(taught).z_dim(taught),
        }
        base = dataclasses.replace(
            derive(taught, generator=WIDTHS | encoder),
            teacher=self.identity,
            preset=None,
        )
        config = override(base, assignments)
        problems = [
            f"{key}: the teacher has {mine!r}, --set says {asked!r}"
            for key, mine, asked in (
                ("generator.z_dim", base.generator.z_dim, config.generator.z_dim),
                (
                    "generator.encoder_ngf",
                    base.generator.encoder_ngf,
                    config.generator.encoder_ngf,
                ),
                ("discriminator", base.discriminator, config.discriminator),
                ("data.image_size", base.data.image_size, config.data.image_size),
            )
            if mine != asked
        ]
        if problems:
            raise InputError(
                f"--teacher {self.run.directory}: the student starts with its encoder "
                "and discriminator and learns its images:\n  "
                + "\n  ".join(problems)
                + "\nLeave these keys out of --set."
            )
        return config

    def begin(self, model, description, strategy, new: bool) -> None:
        """Makes a student's model learn from the teacher.

        Args:
            model: of the student.
            description: of the records.
            strategy: the devices.
            new: whether the student starts now; then its discriminator becomes the
                teacher's.

        Raises:
            InputError: a checkpoint that cannot be restored.
        """
        from ccfpse_tf.generation.trained_model import TrainedModel

        trained = TrainedModel(self.run, description, strategy, self.checkpoint)
        model.learn_from(trained.model)
        if new:
            discriminator = trained.model.discriminator
            model.discriminator.set_weights(discriminator.get_weights())

    def summary(self) -> str:
        """Returns one line for people."""
        method = methods.method_of(self.run.config)
        return f"{self.identity} ({method.title}, {method.summary(self.run.config)})"


def _damaged(run, checkpoint, reason):
    before = newest_first(run.checkpoints)[1:]
    way = "name another run"
    if before:
        way = f"remove its folder, so that {before[0].name} teaches a new student"
    return (
        f"--teacher {run.directory}: {checkpoint} is damaged ({reason}); restore it "
        f"from a backup, or {way}"
    )


def check_teacher(config: Config, teaching: Teaching | None) -> None:
    """Checks that a training has the teacher that its config names, and its records.

    Raises:
        InputError: another teacher, or none; records whose classes are not its own.
    """
    found = teaching and teaching.identity
    if config.teacher != found:
        raise InputError(
            f"the config's teacher is {config.teacher!r}, but the one given is "
            f"{found!r}: train a student by `distil --teacher`, not with --set"
        )
    if teaching:
        describe_data(teaching.run, Path(config.data.records))
