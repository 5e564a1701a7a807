"""Are the synthetic images worth training on? A classifier with and without them, with nothing but TensorFlow.

python examples/downstream_classifier.py demo/published/digits demo/published/digits_synthetic

Both arms take the same number of steps, from the same starts: one for each seed. Both are tested on the real split
`test`. The interval is of other seeds and other test images of the same kinds; where 0 is inside it, no difference was
shown. Reads shards of png or jpeg images with tf.data alone; TensorFlow Datasets would read the same folders.
"""

import argparse
import json
import math
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

# Student's t, 97.5 %, by seeds - 1; more seeds take the last, which is a little too large for them.
T_97_5 = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26]


@dataclass(frozen=True)
class Version:
    """A published version: its folder, the shape of its images and the names of its classes."""

    folder: Path
    shape: tuple[int, ...]
    names: list[str]

    def pairs(self, split: str) -> tf.data.Dataset:
        """Images uint8 [H, W, C] and labels int64 [] of a split, or of several joined by +."""
        files = [str(file) for one in split.split("+") for file in sorted(self.folder.glob(f"*-{one}.tfrecord-*"))]
        if not files:
            raise SystemExit(f"{self.folder} has no split {split}")
        features = {"image": tf.io.FixedLenFeature([], tf.string), "label": tf.io.FixedLenFeature([], tf.int64)}

        def pair(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            found = tf.io.parse_single_example(record, features)
            image = tf.io.decode_image(found["image"], channels=self.shape[2], expand_animations=False)
            return tf.ensure_shape(image, self.shape), found["label"]

        return tf.data.TFRecordDataset(files).map(pair, num_parallel_calls=tf.data.AUTOTUNE)


def main() -> None:
    """Train both arms and print what they get right."""
    options = parsed()
    real, synthetic = opened(options.real), opened(options.synthetic)
    names, known = real.names, synthetic.names
    if real.shape != synthetic.shape or names[: len(known)] != known:
        raise SystemExit("the synthetic images are of another shape or of other classes than the real ones")
    images, labels = test_set(real)
    right: dict[str, list[np.ndarray]] = {"real alone": [], "with synthetic": []}
    for seed in range(options.seeds):
        for arm, found in right.items():
            batches = training(real, synthetic if arm == "with synthetic" else None, options, seed)
            model = fitted(batches, real.shape, len(names), options.steps, seed)
            found.append(model.predict(images, batch_size=500, verbose=0).argmax(axis=1) == labels)
    report({arm: np.stack(found) for arm, found in right.items()}, labels, names)


def parsed() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("real", type=Path, help="published real data set, or one version of it")
    parser.add_argument("synthetic", type=Path, help="published synthetic data set, or one version of it")
    parser.add_argument("--split", default="train", help="real images to train on, e.g. train+train_augmented")
    parser.add_argument(
        "--ratio", type=float, default=0.5, help="share of synthetic images in a batch, above 0, below 1"
    )
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each arm, 2 or more")
    parser.add_argument("--steps", type=int, default=600, help="of each training")
    parser.add_argument("--batch-size", type=int, default=64)
    options = parser.parse_args()
    if not 0 < options.ratio < 1 or options.seeds < 2:
        parser.error("allowed are a ratio above 0 and below 1, and 2 seeds or more")
    return options


def opened(folder: Path) -> Version:
    """The version that `latest` names, unless the folder is that of a version."""
    latest = folder / "latest"
    folder = folder / latest.read_text().strip() if latest.exists() else folder
    features = json.loads((folder / "features.json").read_text())["featuresDict"]["features"]
    names = folder / "label.labels.txt"
    if "image" not in features["image"] or not names.exists():
        raise SystemExit(f"{folder}: its images are not encoded as png or jpeg, or have no labels")
    sides = features["image"]["image"]["shape"]["dimensions"]
    return Version(folder, tuple(int(side) for side in sides), names.read_text().splitlines())


def test_set(version: Version) -> tuple[np.ndarray, np.ndarray]:
    """Real images that no training sees, and their labels."""
    pairs = list(version.pairs("test").as_numpy_iterator())
    return np.stack([image for image, _ in pairs]), np.array([label for _, label in pairs])


def training(real: Version, synthetic: Version | None, options: argparse.Namespace, seed: int) -> tf.data.Dataset:
    """Batches without end. Any stretch has its share of synthetic images, to within one."""
    mixed = endless(real, options.split, seed)
    if synthetic is not None:
        # Place i is synthetic where the running count of synthetic images, rounded down, steps up.
        def count(i: tf.Tensor) -> tf.Tensor:
            return tf.cast(tf.cast(i, tf.float64) * options.ratio, tf.int64)

        which = tf.data.Dataset.counter().map(lambda i: count(i + 1) - count(i))
        mixed = tf.data.Dataset.choose_from_datasets([mixed, endless(synthetic, "train", seed)], which)
    return mixed.batch(options.batch_size).prefetch(tf.data.AUTOTUNE)


def endless(version: Version, split: str, seed: int) -> tf.data.Dataset:
    """Images and labels in another order in every epoch; the same ones for a seed."""
    return version.pairs(split).cache().shuffle(20_000, seed=seed).repeat()


def fitted(batches: tf.data.Dataset, shape: tuple[int, ...], classes: int, steps: int, seed: int) -> keras.Model:
    """A small convolutional classifier; a seed fixes where it starts."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Rescaling(1 / 127.5, -1.0),
            keras.layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
            keras.layers.Conv2D(64, 3, strides=2, padding="same", activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(classes),
        ]
    )
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(rate), loss)
    model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)
    return model


def report(right: dict[str, np.ndarray], labels: np.ndarray, names: list[str]) -> None:
    """Accuracy of each arm (bool [seeds, images]), the difference with its interval, and both by class."""
    for arm, found in right.items():
        by_seed = " ".join(f"{accuracy:.3f}" for accuracy in found.mean(axis=1))
        print(f"{arm:15} accuracy {found.mean():.3f} ({by_seed})")
    print(f"{'difference':15} {difference(*right.values())}, {len(found)} seeds, {len(labels)} test images")
    for label in np.unique(labels):
        mine = labels == label
        shares = ", ".join(f"{arm} {found[:, mine].mean():.3f}" for arm, found in right.items())
        parts = [found[:, mine] for found in right.values()]
        print(f"  {names[label]}: {shares}, difference {difference(*parts)}, {mine.sum()} images")


def difference(reference: np.ndarray, candidate: np.ndarray) -> str:
    """Mean difference with its 95 % interval: the variances of the mean by seed and by image are added.

    One more image won and one lost keep a few images without any difference from looking like proof.
    """
    found = candidate.astype(float) - reference
    seeds, images = found.mean(axis=1), np.append(found.mean(axis=0), [1.0, -1.0])
    variance = seeds.var(ddof=1) / len(seeds) + images.var(ddof=1) / len(images)
    half = T_97_5[min(len(seeds) - 1, len(T_97_5)) - 1] * math.sqrt(variance)
    low, high = max(-1.0, found.mean() - half), min(1.0, found.mean() + half)
    return f"{found.mean():+.3f} (95 % interval {low:+.3f} to {high:+.3f})"


if __name__ == "__main__":
    main()
