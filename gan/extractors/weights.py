"""Where the weights of an extractor come from: the user's file, or a kept download, both checked by SHA-256."""

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path

from datasets.atomic_file import atomic_file
from datasets.errors import BadInput
from gan.extractors.settings import FILE, INCEPTION, ExtractorSettings
from gan.progress import Progress, silent

CACHE_NAME = "augment-dataset"
MAX_WEIGHTS_BYTES = 2 << 30
TIMEOUT_S = 60
_CHUNK_BYTES = 1 << 20


def missing_weights(settings: ExtractorSettings) -> str | None:
    """What is wrong with the weights, as far as it is known before work starts; None = nothing. Asks no server.

    Keras' own downloads are Keras' affair: whether they work shows when the extractor is opened.
    """
    try:
        _local_file(settings)
    except BadInput as error:
        return str(error)
    return None


def weights_file(settings: ExtractorSettings, progress: Progress = silent) -> Path | None:
    """The file with the weights, downloaded where it must be; None where no file is needed.

    Raises BadInput where it is missing, has another SHA-256, or cannot be downloaded; progress is in bytes.
    """
    found = _local_file(settings)
    if found is None and settings.kind == INCEPTION:
        assert settings.weights_sha256 is not None
        return _downloaded(settings.address, settings.weights_sha256, _kept(settings.weights_sha256), progress)
    return found


def cache_folder() -> Path:
    """Where downloads are kept: below $XDG_CACHE_HOME, by default ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path.home() / ".cache") / CACHE_NAME / "weights"


def _local_file(settings: ExtractorSettings) -> Path | None:
    """The user's file, or what was downloaded before; None = nothing is needed, or a download that can be checked."""
    if settings.path is not None:
        path = settings.path.expanduser()
        _check_user_file(path, settings.weights_sha256)
        return path
    if settings.kind != INCEPTION:
        assert settings.kind != FILE  # its settings have a path
        return None
    if settings.weights_sha256 is None:
        raise BadInput(
            f"extractor {INCEPTION} has no extractor.weights_sha256 to check its download by; download "
            f"{settings.address} once yourself, run sha256sum on it, and put the result into the settings"
        )
    kept = _kept(settings.weights_sha256)
    return kept if kept.is_file() and _sha256(kept) == settings.weights_sha256 else None


def _check_user_file(path: Path, wanted: str | None) -> None:
    if not path.is_file():
        raise BadInput(f"extractor.path {path} is no file; give the file with the weights")
    try:
        found = _sha256(path)
    except OSError as error:
        raise BadInput(f"extractor.path {path} cannot be read ({error.strerror}); give a file that can") from error
    if found != wanted:
        raise BadInput(
            f"extractor.path {path} has SHA-256 {found}, extractor.weights_sha256 is {wanted}; "
            "give the file that was meant, or correct the settings"
        )


def _kept(sha256: str) -> Path:
    return cache_folder() / sha256


def _downloaded(address: str, sha256: str, path: Path, progress: Progress) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as file:
            digest = hashlib.sha256()
            # The settings allow http and https alone.
            with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer:  # noqa: S310
                total = int(answer.headers.get("Content-Length") or 0)
                done = 0
                while chunk := answer.read(_CHUNK_BYTES):
                    done += len(chunk)
                    if done > MAX_WEIGHTS_BYTES:
                        raise BadInput(f"{address} sends more than {MAX_WEIGHTS_BYTES} bytes, which are no weights")
                    digest.update(chunk)
                    file.write(chunk)
                    progress(done, max(total, done), doing=f"downloading {address}")
            if done < total:
                raise http.client.IncompleteRead(b"", total - done)
            if digest.hexdigest() != sha256:
                raise BadInput(
                    f"{address} gave a file with SHA-256 {digest.hexdigest()}, extractor.weights_sha256 is {sha256}; "
                    "it was deleted; check the address and the digest"
                )
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(
            f"{address} could not be downloaded ({_reason(error)}); without a network, download it elsewhere and "
            "set extractor.path"
        ) from error
    return path


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code}"
    if isinstance(error, http.client.HTTPException):
        return "the answer ended early" if isinstance(error, http.client.IncompleteRead) else "no HTTP answer"
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
