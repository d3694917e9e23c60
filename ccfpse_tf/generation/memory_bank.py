"""The memory bank that a run's layouts are filled from, where its method needs one."""

from pathlib import Path

from ccfpse_tf.data.segments.bank import FILE_NAME, MemoryBank, check_bank
from ccfpse_tf.data.segments.filled import LayoutFiller, TrainingFiller
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.digests import sha256_of_files
from ccfpse_tf.gan import methods


def open_bank(config, description) -> MemoryBank | None:
    """Opens the bank of a config; None for methods without.

    Args:
        config: of the run.
        description: of the records whose layouts are drawn.

    Raises:
        InputError: no bank, a damaged one, or one of other classes or image sizes.
    """
    method = methods.method_of(config)
    if not method.bank:
        return None
    height, width = config.data.image_size
    if not config.data.bank:
        raise InputError(
            f"{method.title} fills layouts with segments of photographs, from a memory "
            "bank: make one by `ccfpse bank --records DIR --out BANK --image-size "
            f"{height}x{width}` and train with --bank BANK"
        )
    bank = MemoryBank(Path(config.data.bank))
    if bank.size != (height, width):
        raise InputError(
            f"{bank.folder}: its images have {bank.size[0]}x{bank.size[1]} pixels, and "
            f"the config draws {height}x{width}; make a bank with --image-size "
            f"{height}x{width}"
        )
    if bank.facts["class_names"] != list(description.index_names):
        raise InputError(
            f"{bank.folder}: its classes are not those of the records; make a bank of "
            "the records that the run is trained on"
        )
    return bank


def give_bank(model, config, description) -> MemoryBank | None:
    """Lets a model fill layouts from the bank of its config, if its method has one.

    Args:
        model: of that config.
        config: of the run.
        description: of the records whose layouts are drawn.

    Returns:
        The bank, or None.

    Raises:
        InputError: as :func:`open_bank`.
    """
    bank = open_bank(config, description)
    if bank is not None:
        model.fill_layouts_with(LayoutFiller(bank))
    return bank


def training_filler(model, config, description) -> TrainingFiller | None:
    """Returns what makes the canvases of training images; None for other methods.

    The model gets the bank for its own layouts, too.

    Args:
        model, config, description: as for :func:`give_bank`.

    Raises:
        InputError: as :func:`open_bank`; a bank of other records.
    """
    bank = give_bank(model, config, description)
    if bank is None:
        return None
    check_bank(bank, description, Path(config.data.records))
    return TrainingFiller(bank, config.data.seed)


def bank_facts(config) -> dict[str, str]:
    """Returns what the images of a run depend on beside its checkpoint.

    Args:
        config: of the run.

    Returns:
        ``bank_sha256``, the digest of the bank's description; nothing for methods
        without, and nothing where the bank is gone, which :func:`open_bank` tells.
    """
    path = Path(config.data.bank or "") / FILE_NAME
    if not methods.method_of(config).bank or not path.is_file():
        return {}
    return {"bank_sha256": sha256_of_files(path)}
