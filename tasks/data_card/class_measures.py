"""How classes differ in ways that have nothing to do with what they show: brightness, contrast, sharpness, size.

A classifier can learn such a difference instead of the class, so a card names those that stand out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from datasets.manifest import MANIFEST_FILE, in_use, read_table
from datasets.record_stream import stream
from datasets.splits import training_rows
from tasks.imaging.measures import measures_of
from tasks.imaging.measures import sample as sample_of

MEASURES = {"mean": "brightness", "std": "contrast", "sharpness": "sharpness"}
SIZES = {"width_px": "width, px", "height_px": "height, px"}
STANDS_OUT = 0.5  # standard deviations from the mean of all training images
PER_CLASS = 100
MOST_RECORDS = 20_000
MOST_CLASSES = 100
_FEWEST = 5


@dataclass(frozen=True, slots=True)
class MeasureTable:
    """Column names, a row of means per class, and a sentence for each class that stands out."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float, ...]], ...]
    sentences: tuple[str, ...]


def real_measures(folder: Path, class_names: Sequence[str] | None) -> MeasureTable:
    """Means per class over the real training images of a version, as the files were before resizing."""
    columns = [*MEASURES, *SIZES]
    table = training_rows(in_use(read_table(folder / MANIFEST_FILE, ["status", "split", "label", *columns])))
    table = table.filter(pc.is_valid(table["mean"]))
    values = np.stack([table[name].to_numpy().astype(np.float64) for name in columns], axis=1)
    labels = np.array([label or "all" for label in table["label"].to_pylist()])
    names = [name for name in class_names or ("all",) if (labels == name).any()][:MOST_CLASSES]
    rows = tuple((name, tuple(values[labels == name].mean(axis=0).tolist())) for name in names)
    titles = (*MEASURES.values(), *SIZES.values())
    return MeasureTable(titles, rows, tuple(_standing_out(values, labels, names, titles)))


def _standing_out(values: np.ndarray, labels: np.ndarray, names: Sequence[str], titles: Sequence[str]) -> Iterator[str]:
    """Classes whose mean is far from that of all images."""
    if len(names) < 2:
        return
    means, deviations = values.mean(axis=0), values.std(axis=0)
    for name in names:
        own = values[labels == name]
        if len(own) < _FEWEST:
            continue
        for place, title in enumerate(titles):
            shift = (own[:, place].mean() - means[place]) / deviations[place] if deviations[place] > 0 else 0.0
            if abs(shift) >= STANDS_OUT:
                more = "above" if shift > 0 else "below"
                yield (
                    f"{name}: {title} {own[:, place].mean():.4g}, {abs(shift):.1f} standard deviations {more} the mean "
                    f"of all training images ({means[place]:.4g})"
                )


def synthetic_measures(synthetic: Path, real: Path, class_names: Sequence[str] | None) -> MeasureTable:
    """Per class means of synthetic images beside real training images, both as they are in the shards.

    Of the first 100 of each class, in the shuffled order of the shards.
    """
    made, originals = (_measured(folder) for folder in (synthetic, real))
    names = class_names or ("all",)
    there = [label for label in range(len(names)) if label in made and label in originals][:MOST_CLASSES]
    columns = tuple(f"{title}, {kind}" for title in MEASURES.values() for kind in ("synthetic", "real"))
    rows: list[tuple[str, tuple[float, ...]]] = []
    sentences: list[str] = []
    for label in there:
        pair = (made[label], originals[label])
        means = [values.mean(axis=0) for values in pair]
        rows.append((names[label], tuple(float(mean[place]) for place in range(len(MEASURES)) for mean in means)))
        sentences += _shifted(names[label], *pair)
    return MeasureTable(columns, tuple(rows), tuple(sentences))


def _shifted(name: str, made: np.ndarray, originals: np.ndarray) -> Iterator[str]:
    """Where synthetic images of a class differ from real ones."""
    if min(len(made), len(originals)) < _FEWEST:
        return
    for place, title in enumerate(MEASURES.values()):
        spread = originals[:, place].std()
        shift = (made[:, place].mean() - originals[:, place].mean()) / spread if spread > 0 else 0.0
        if abs(shift) >= STANDS_OUT:
            more = "above" if shift > 0 else "below"
            yield (
                f"{name}: {title} of synthetic images is {abs(shift):.1f} standard deviations {more} that of real ones "
                f"({made[:, place].mean():.4g} and {originals[:, place].mean():.4g})"
            )


def _measured(folder: Path) -> dict[int, np.ndarray]:
    """Class id -> measures float64 [n, 3] of some of its training images."""
    found: dict[int, list] = {}
    for number, item in enumerate(stream(folder, "train")):
        if number >= MOST_RECORDS:
            break
        samples = found.setdefault(item.label or 0, [])
        if len(samples) < PER_CLASS:
            samples.append(sample_of(item.image))
    measured = {}
    for label, samples in found.items():
        columns = measures_of(samples)
        measured[label] = np.stack([np.asarray(columns[name], np.float64) for name in MEASURES], axis=1)
    return measured
