"""Presets on the Hugging Face Hub: ``hf://OWNER/NAME`` and ``hf://OWNER/NAME@REVISION``.

Downloads go to the cache of huggingface_hub, which is asked first when there is no
connection. Only the files that a preset's metadata name are fetched, and nothing that
was fetched is executed.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.text_files import read_json
from ccfpse_tf.presets.preset_facts import (
    AGAIN,
    CONFIG,
    FORMER,
    METADATA,
    MOST_BYTES,
    read_metadata,
)
from ccfpse_tf.presets.preset_files import CARD, checked_names

SCHEME = "hf://"
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_NAME = re.compile(rf"{SCHEME}({_PART}/{_PART})(?:@({_PART}))?")
_LIBRARY = "ccfpse-tf"
# Files that a repository may have before a preset is put there.
_ANY_REPOSITORY = {".gitattributes", "LICENSE", CARD}


def is_on_hub(name: object) -> bool:
    """Returns whether a preset's name is one of the hub."""
    return isinstance(name, str) and name.startswith(SCHEME)


def repository_of(name: str, pinned: bool = True) -> tuple[str, str | None]:
    """Splits ``hf://OWNER/NAME@REVISION`` into ``OWNER/NAME`` and the revision or None.

    Args:
        name: of the preset.
        pinned: False where a revision cannot be asked for.

    Raises:
        InputError: another form.
    """
    found = _NAME.fullmatch(name)
    if not found or found[2] and not pinned:
        form = f"{SCHEME}OWNER/NAME" + f", or {SCHEME}OWNER/NAME@REVISION" * pinned
        raise InputError(f"{name}: is not the address of a preset; the form is {form}")
    return found[1], found[2]


def require_hub(wanted_by: str):
    """Returns the module ``huggingface_hub``.

    Args:
        wanted_by: what needs it, for the message.

    Raises:
        InputError: it is not installed.
    """
    try:
        import huggingface_hub
    except ImportError:
        raise InputError(
            f"{wanted_by} needs huggingface_hub: pip install 'ccfpse-tf[hub]'"
        ) from None
    return huggingface_hub


def download(name: str) -> Path:
    """Downloads a preset to the hub's cache, or takes it from there.

    Args:
        name: ``hf://OWNER/NAME``, maybe with ``@REVISION``.

    Returns:
        Its folder, whose files are to be checked as those of any other.

    Raises:
        InputError: no huggingface_hub, another form of name, no such preset, no
            connection and no copy in the cache, a repository that is no preset of ours
            or is larger than one.
    """
    hub = require_hub(name)
    repository, revision = repository_of(name)
    folder = _fetch(hub, name, repository, revision, [METADATA, CONFIG])
    with download_errors(name, folder):
        metadata = read_metadata(folder)
        try:
            names = [METADATA, *checked_names(metadata["files"])]
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{METADATA} is damaged ({error!r}); {AGAIN}") from None
    # The same revision again, as the branch may have moved meanwhile.
    return _fetch(hub, name, repository, folder.name, names)


@contextlib.contextmanager
def download_errors(name: str, folder: Path):
    """Gives errors of a downloaded preset its name, and the way out that it has.

    Args:
        name: of the preset.
        folder: that :func:`download` returned. It may hold links to files beside it,
            which would be linked again if only this folder was deleted.

    Raises:
        InputError: instead of one in the block.
    """
    try:
        yield
    except InputError as error:
        way_out = (
            f"delete the folder {folder.parents[1]}, and the preset is downloaded "
            "again; if that does not help, tell its owner"
        )
        raise InputError(f"{name}: {str(error).replace(AGAIN, way_out)}") from None


def upload(folder: Path, name: str, files: list[str]) -> str:
    """Uploads a preset's folder; the repository is made if it is not there.

    Of an earlier preset in the repository, the files that the new one lacks are deleted
    in the same commit. Other files stay as they are.

    Args:
        folder: of a preset that is whole.
        name: ``hf://OWNER/NAME``.
        files: the names of those that are uploaded, and no others.

    Returns:
        The address of the page, or of the commit.

    Raises:
        InputError: no huggingface_hub, another form of name, a repository that holds
            something else than a preset, or the hub refuses.
    """
    hub = require_hub(name)
    repository, _ = repository_of(name, pinned=False)
    api = hub.HfApi(library_name=_LIBRARY)
    try:
        api.create_repo(repository, repo_type="model", exist_ok=True)
        former = _former_files(api, repository)
        commit = api.upload_folder(
            repo_id=repository,
            repo_type="model",
            folder_path=folder,
            allow_patterns=files,
            delete_patterns=former,
            commit_message=f"Publish {folder.name} by ccfpse publish",
        )
    except InputError as error:
        raise InputError(f"{name}: {error}; {folder} is whole") from None
    except Exception as error:  # of many types, which differ between versions
        raise InputError(
            f"{name}: could not be uploaded ({_reason(error)}); {folder} is whole: "
            "give the command again when you are logged in (`hf auth login`, or "
            f"HF_TOKEN in the environment), may write to {repository}, and are online"
        ) from error
    return str(commit)


def _former_files(api, repository: str) -> list[str]:
    """Returns the names of the files of the preset that a repository holds.

    Raises:
        InputError: it holds something else.
    """
    present = set(api.list_repo_files(repository, repo_type="model"))
    if present <= _ANY_REPOSITORY:
        return []
    for name in (METADATA, FORMER):
        if name in present:
            path = api.hf_hub_download(repository, name, repo_type="model")
            with contextlib.suppress(InputError, KeyError, TypeError, ValueError):
                facts = read_json(path, "the facts of a preset")
                if "ccfpse-tf" in facts["versions"]:
                    return [name, *checked_names(facts["files"])]
    others = sorted(present - _ANY_REPOSITORY)
    listed = ", ".join(others[:5]) + ", ..." * (len(others) > 5)
    raise InputError(
        f"the repository holds files that are no preset of ccfpse_tf ({listed}), and "
        "nothing was uploaded; give --push another repository, such as a new one, or "
        "delete these files there"
    )


def _fetch(hub, name, repository, revision, files) -> Path:
    """Fetches files of a repository; returns the folder of that revision."""

    def snapshot(**options):
        return hub.snapshot_download(
            repository,
            revision=revision,
            allow_patterns=files,
            library_name=_LIBRARY,
            **options,
        )

    try:
        _check_size(hub, name, snapshot)
        return Path(snapshot())
    except InputError:
        raise
    except Exception as error:  # of many types, which differ between versions
        raise InputError(
            f"{name}: could not be downloaded, and no copy of it is in the cache "
            f"({_reason(error)}); check the name and the connection, log in if it is "
            "not public (`hf auth login`), or give the name of a preset that ships or "
            "a folder"
        ) from error


def _check_size(hub, name, snapshot) -> None:
    try:
        files = snapshot(dry_run=True)
    except (OSError, hub.errors.EntryNotFoundError):  # nobody to ask: the cache decides
        return
    total = sum(file.file_size for file in files)
    if total > MOST_BYTES:
        raise InputError(
            f"{name}: its files have {total / 1e6:.1f} MB; a preset has at most "
            f"{MOST_BYTES / 1e6:.0f} MB, so nothing was downloaded"
        )


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
