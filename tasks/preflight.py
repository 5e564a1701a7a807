"""What can be known before work starts: the source is there, holds enough images, and the result has room."""

import os
import shutil
from pathlib import Path

from datasets.errors import BadInput
from datasets.sources.settings import absolute_path
from gan.settings import MIN_SELECT_IMAGES
from tasks.splitting.settings import SplitSettings
from tasks.survey import Survey
from tasks.train import MIN_TRAINING_IMAGES
from tasks.validation_halves import half_sizes


def check_enough_files(found: Survey, place: str, splits: SplitSettings, will_train: bool) -> None:
    """Raises BadInput where there are fewer files than images are needed, however good all of them are."""
    needed = len(splits.needed)
    most = MIN_TRAINING_IMAGES if will_train else needed
    if found.members < needed:
        raise BadInput(
            f"{place} holds {found.members} files, too few to split; at least {needed} images are needed, "
            f"one each for {splits.needed_text}; add images"
        )
    if found.members < most:
        raise BadInput(
            f"{place} holds {found.members} files, too few to learn from; at least {most} training images are needed; "
            "add images, or run `prepare` alone"
        )


def check_training_images(what: str, most: int, advice: str) -> None:
    """Raises BadInput where even so many training images are too few; `what` begins the sentence, `advice` ends it."""
    if most < MIN_TRAINING_IMAGES:
        raise BadInput(f"{what} {most} training images; at least {MIN_TRAINING_IMAGES} are needed; {advice}")


def check_validation_images(what: str, most: int, min_gate_images: int | None, advice: str) -> None:
    """Raises BadInput where half of so many validation images is too few to select by, or for the synthetic gate.

    `min_gate_images` is None where no gate follows; `what` begins the sentence, `advice` ends it.
    """
    select, gate = half_sizes(most)
    images = f"{what} {most} validation images"
    if select < MIN_SELECT_IMAGES:
        raise BadInput(
            f"{images}, {select} of them to select the snapshot with; at least {MIN_SELECT_IMAGES} are needed; {advice}"
        )
    if min_gate_images is not None and gate < min_gate_images:
        raise BadInput(
            f"{images}, {gate} of them for the synthetic gate; synthetic_gate.min_gate_images is {min_gate_images}; "
            f"{advice}"
        )


def check_not_inside(what: str, folder: Path, source: Path) -> None:
    """Raises BadInput where a folder or file to write is the folder of images, or lies in it."""
    if _resolved(folder).is_relative_to(_resolved(source)):
        raise BadInput(
            f"{what} {folder} lies in the folder of images {source}, where it would be read as images; "
            "choose a place outside it"
        )


def check_source_outside(source: Path, what: str, folder: Path) -> None:
    """Raises BadInput where the images lie in a folder that runs write in and clear."""
    if _resolved(source).is_relative_to(_resolved(folder)):
        raise BadInput(
            f"source.path {source} lies in {what} {folder}, where runs write and remove files; "
            f"choose another folder for {what}"
        )


def check_target(what: str, folder: Path) -> None:
    """Raises BadInput where a folder cannot be written."""
    there = existing_parent(_resolved(folder))
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise BadInput(f"{what} {folder} cannot be written; choose another folder")


def check_room(what: str, folder: Path, needed_bytes: int) -> None:
    """Raises BadInput where the disk of a folder has less room than is needed."""
    free = free_bytes(folder)
    if free < needed_bytes:
        raise BadInput(
            f"the disk of {what} {folder} has {free / 2**20:.0f} MiB free, about {needed_bytes / 2**20:.0f} MiB are "
            "needed; free some, or choose another folder in the settings"
        )


def free_bytes(folder: Path) -> int:
    """Room on the disk of a folder, which need not be there yet."""
    return shutil.disk_usage(existing_parent(folder)).free


def existing_parent(folder: Path) -> Path:
    """The folder itself, or the nearest one above that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _resolved(path: Path) -> Path:
    return absolute_path(Path.cwd(), path)
