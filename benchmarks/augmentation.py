"""CPU time of one augmented copy, per augmenter and per preset, for small grey and larger colour images.

    python -m benchmarks.augmentation --copies 200

Each augmenter is applied to every copy, whatever its probability; presets draw as they do in a run.
"""

import argparse
import time
from collections.abc import Sequence

import numpy as np

from tasks.imaging.augmentation.augmenters import KINDS, AnyAugmenter
from tasks.imaging.augmentation.engine import augmented
from tasks.imaging.augmentation.presets import PRESETS

SHAPES = ((28, 28, 1), (256, 256, 3))


def picture(shape: tuple[int, int, int]) -> np.ndarray:
    """uint8 [H, W, C]: a smooth picture with grain."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] / shape[0]
    smooth = 120 + 80 * np.sin(5 * rows + 3 * columns)[..., None]
    grain = np.random.default_rng(0).normal(0, 6, shape)
    return np.asarray((smooth + grain).clip(0, 255).astype(np.uint8))


def cost_ms(augmenters: Sequence[AnyAugmenter], image: np.ndarray, copies: int) -> float:
    """CPU milliseconds of a copy, the first one not counted; the best of three rounds, as neighbours disturb."""
    fitting = [step for step in augmenters if image.shape[2] > 1 or not step.needs_colour]
    rounds = []
    for _ in range(3):
        augmented(image, fitting, 0)
        start = time.process_time()
        for seed in range(copies):
            augmented(image, fitting, seed)
        rounds.append((time.process_time() - start) / copies * 1e3)
    return min(rounds)


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=200)
    copies = parser.parse_args().copies
    alone = {kind: (model(probability=1.0),) for kind, model in KINDS.items()}
    print("| | " + " | ".join(f"{h}x{w}x{c}, ms" for h, w, c in SHAPES) + " |\n|---|" + "---:|" * len(SHAPES))
    for name, augmenters in (alone | PRESETS).items():
        costs = [
            "" if shape[2] == 1 and all(step.needs_colour for step in augmenters)
            else f"{cost_ms(augmenters, picture(shape), copies):.2f}"
            for shape in SHAPES
        ]  # fmt: skip
        if name != "none":
            print(f"| {name} | {' | '.join(costs)} |")


if __name__ == "__main__":
    main()
