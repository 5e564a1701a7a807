"""What the sources themselves say of splits, and which splits that leaves open to an image."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datasets.splits import TEST, TRAIN, VALIDATION
from tasks.splitting.blocks import codes_of

HELD_OUT = (TEST, VALIDATION)  # in the order in which they win over one another
WORDS = (TEST, VALIDATION, TRAIN)
_NO_WORD = -1


def words_of(images: pa.Table) -> np.ndarray:
    """int8 [N]: the place in WORDS of what each row's source says; -1 where it says nothing."""
    found = pc.fill_null(pc.index_in(images["source_split"], value_set=pa.array(WORDS)), _NO_WORD)
    return found.to_numpy().astype(np.int8)


def said_splits(images: pa.Table, names: Sequence[str]) -> np.ndarray:
    """int32 [N]: the bit of the split that its source holds each row out for; 0 where it does not.

    Bit n stands for `names[n]`. Where there are folds, only test is held out: a fold takes the place of validation.
    """
    bits = [1 << names.index(word) if word in HELD_OUT and word in names else 0 for word in WORDS]
    return np.array([*bits, 0], np.int32)[words_of(images)]


def open_splits(images: pa.Table, used: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Rows with source and source_split, and which are in use -> int32 [N]: bits of the splits each may be in.

    An image that its source calls test or validation is just that. One that it calls train stays out of whichever of
    the two its source has usable images for; what the source does not have is taken from its training images. All
    splits are open to the other images. With folds, what a source calls validation is for training.
    """
    said, words = said_splits(images, names), words_of(images)
    source = codes_of(images["source"])
    named = np.zeros(source.max(initial=-1) + 1, np.int32)
    np.bitwise_or.at(named, source[used], said[used])
    anywhere = np.int32((1 << len(names)) - 1)
    said_more = words != _NO_WORD
    for_training = np.where(said_more, anywhere & ~named[source], anywhere)
    return np.where(said > 0, said, for_training).astype(np.int32)


def agreement(images: pa.Table, used: np.ndarray, placed: np.ndarray, names: Sequence[str]) -> dict[str, int] | None:
    """How far the splits of used rows follow the sources' words; None where no source has said anything.

    `placed` int8 [N] are places in `names`, -1 where a row is not used. followed: as the source says;
    published_elsewhere: not so, since no image moves after it was published; unselected: not used, as a copy of it or
    an image of its group is in another split.
    """
    spoken = used & (words_of(images) != _NO_WORD)
    if not spoken.any():
        return None
    left_out = spoken & (placed < 0)
    fits = (open_splits(images, used, names) >> np.maximum(placed, 0)) & 1 > 0
    followed = spoken & ~left_out & fits
    return {
        "followed": int(followed.sum()),
        "published_elsewhere": int((spoken & ~left_out & ~fits).sum()),
        "unselected": int(left_out.sum()),
    }
