"""``from_preset`` and ``save_to_preset`` of the trained models."""

from pathlib import Path

from ccfpse_tf.errors import InputError
from ccfpse_tf.gan import methods
from ccfpse_tf.presets.shipped import find_preset, shipped_presets


class _ShippedPresets:
    """A property of the class, as keras-hub has it."""

    def __get__(self, instance, owner):
        return shipped_presets()


class WithPresets:
    """What a :class:`ccfpse_tf.gan.trainable_model.TrainableModel` does with presets.

    Attributes:
        presets: ``{name: title}`` of those that the package ships.
        origin: a :class:`ccfpse_tf.gan.save_preset.Origin`; None for a model that was
            put together by hand.
    """

    presets = _ShippedPresets()
    origin = None

    @classmethod
    def from_preset(cls, preset: str | Path, **overrides):
        """Returns the trained model of a preset, which can draw and be trained further.

        It is compiled, at the constant learning rates of the preset's run, in float32
        and without a perceptual loss, which ``compile`` takes. A preset does not hold a
        discriminator: it is new.

        Args:
            preset: the name of a shipped preset (``cls.presets``), a folder, or
                ``"hf://OWNER/NAME"`` (with ``pip install 'ccfpse-tf[hub]'``).
            **overrides: other values of the preset's config, by section, such as
                ``data={"seed": 7}, step={"precision": "mixed_bfloat16"}``.

        Raises:
            InputError: an unknown name, a damaged preset, one of another class of
                models, overrides that its weights do not fit or that change nothing,
                one that cannot be downloaded.
        """
        from ccfpse_tf.gan.from_preset import model_of

        found = find_preset(preset)
        kind = methods.method_of(found.config).model()
        if not issubclass(kind, cls):
            raise InputError(
                f"{found.source}: is a preset of {kind.__name__}, not of "
                f"{cls.__name__}; call {kind.__name__}.from_preset"
            )
        return model_of(found, overrides)

    def save_to_preset(
        self,
        preset_dir: str | Path,
        *,
        name: str | None = None,
        title: str | None = None,
        card: str | None = None,
        licence: str | None = None,
        dataset: str | None = None,
        config=None,
        data=None,
    ) -> dict[str, int]:
        """Writes the generator and the style encoder as a preset, whole or not at all.

        Where the model keeps a running average of its generator, that is written.
        Kernels are rounded to float16. A preset of a run has example layouts, styles
        and scores, too: ``ccfpse publish`` writes it.

        Args:
            preset_dir: folder to make; an earlier preset in it is replaced.
            name: default the name of the folder.
            title: for people; default method and data.
            card: Markdown for the model card: data, credit, known faults.
            licence: of the weights, such as ``"apache-2.0"``.
            dataset: name on a hub of the data of the training, ``"OWNER/NAME"``.
            config: a :class:`ccfpse_tf.Config` with the sizes of the networks, and
            data: a :class:`ccfpse_tf.data.description.Description` of the classes: both
                for a model that was put together by hand. One that was built from a
                config or a preset knows them.

        Returns:
            The bytes of each file.

        Raises:
            InputError: config and data are missing, or are not those of the model; a
                folder with other files; more than 8 MB in all.
            OSError: as the system reports it.
        """
        from ccfpse_tf.gan.save_preset import Origin, check_origin, save_model
        from ccfpse_tf.presets.model_card import CardDetails

        if (config is None) != (data is None):
            raise InputError("save_to_preset: give config and data together, or none")
        details = CardDetails(card, licence, dataset)
        origin = self.origin
        if config is not None:
            origin = Origin(config, data)
            check_origin(self, origin)
        if origin is None:
            raise InputError(
                "save_to_preset: this model was put together by hand, so its sizes and "
                "its classes are not known; give them as config=Config(...) and "
                "data=Description(...), such as read_description(RECORDS) of "
                "ccfpse_tf.data.description returns"
            )
        steps = int(self.steps)
        return save_model(self, preset_dir, steps, origin, details, name, title)
