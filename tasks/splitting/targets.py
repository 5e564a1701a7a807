"""How many images of a class each split should have, and how many it can get at most."""

from collections.abc import Iterable, Mapping

from datasets.splits import TEST, TRAIN, VALIDATION, is_fold
from tasks.splitting.source_splits import HELD_OUT

MIN_CLASS_SIZE = 3  # smaller classes are for training alone


def targets(shares: Mapping[str, float], size: int) -> dict[str, int]:
    """Images of test, and of validation where there are no folds; the others take what is left.

    From three images on, each of train, validation and test gets at least one; with folds test does, where it has a
    share, and every fold where the class has enough images.
    """
    folds = sum(map(is_fold, shares))
    most = size - (folds or 2)  # leaves one for each of the others
    has_test = size >= MIN_CLASS_SIZE and shares[TEST] > 0
    test = max(1, min(round(shares[TEST] * size), most)) if has_test else 0
    if folds:
        return {TEST: test}
    wanted = max(1, round(shares[VALIDATION] * size)) if size >= MIN_CLASS_SIZE else 0
    return {TEST: test, VALIDATION: min(wanted, max(size - test - 1, 0))}


def largest_splits(shares: Mapping[str, float], class_sizes: Iterable[int]) -> dict[str, int]:
    """Most images that training and validation can get of so many per class, where none was published before.

    All of them may turn out unfit, so no number is a promise. Images that have to stay together are not thought of.
    Shares are those of train, validation and test.
    """
    sizes = list(class_sizes)
    return {
        # Both held-out targets may be rounded down, by a half each; classes of up to two images go here whole.
        TRAIN: sum(max(min(size, MIN_CLASS_SIZE - 1), int(shares[TRAIN] * size) + 1) for size in sizes),
        VALIDATION: sum(targets(shares, size)[VALIDATION] for size in sizes),
    }


def largest_source_splits(shares: Mapping[str, float], classes: Iterable[Mapping[str | None, int]]) -> dict[str, int]:
    """The same where sources come with splits: per class, how many of its images the source says which split of.

    More than that is not reached: an image that is said to be for testing is never trained on, and none is added to
    validation images that are more than their share already.
    """
    sizes = [dict(words) for words in classes]
    if not any(words.get(name) for words in sizes for name in HELD_OUT):
        return largest_splits(shares, (sum(words.values()) for words in sizes))
    validation = (max(words.get(VALIDATION, 0), targets(shares, sum(words.values()))[VALIDATION]) for words in sizes)
    return {TRAIN: sum(words.get(TRAIN, 0) + words.get(None, 0) for words in sizes), VALIDATION: sum(validation)}
