"""Published shards in PyTorch, read by several workers without TensorFlow; each image reaches exactly one of them.

python examples/pytorch_dataloader.py demo/published/digits
python examples/pytorch_dataloader.py demo/published/digits demo/published/digits_synthetic 0.5
"""

import sys
from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from datasets.record_stream import class_names, mean_and_std, stream


class PublishedImages(IterableDataset):
    """Float32 [C, H, W], standardised, with class ids. `process` (rank, world size) is that of distributed training.

    Images of the folder `synthetic` make up `ratio` of each epoch, which has every real image once.
    """

    def __init__(
        self,
        path: str,
        split: str = "train",
        *,
        synthetic: str | None = None,
        ratio: float = 0.0,
        process: tuple[int, int] = (0, 1),
        seed: int = 0,
    ) -> None:
        self.path, self.split, self.process, self.seed = path, split, process, seed
        self.synthetic, self.ratio = synthetic, ratio
        self.epoch = 0  # set it before each epoch: another order; a worker gets a copy of it when it starts
        mean, std = mean_and_std(path)
        self.mean, self.std = (torch.tensor(values).view(-1, 1, 1) for values in (mean, std))

    def __iter__(self) -> Iterator[tuple[torch.Tensor, int]]:
        info = get_worker_info()
        number, count = (info.id, info.num_workers) if info else (0, 1)
        rank, world_size = self.process
        worker = (rank * count + number, world_size * count)
        shuffle_buffer = 2048 if self.split.startswith("train") else 0
        seed = self.seed + self.epoch
        images = stream(
            self.path,
            self.split,
            worker=worker,
            shuffle_buffer=shuffle_buffer,
            seed=seed,
            synthetic=self.synthetic,
            ratio=self.ratio,
        )
        for image, label, _ in images:
            pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 255
            yield (pixels - self.mean) / self.std, -1 if label is None else label


def main(path: str, synthetic: str | None = None, ratio: str = "0") -> None:
    """Two epochs over the training images."""
    images = PublishedImages(path, synthetic=synthetic, ratio=float(ratio))
    loader = DataLoader(images, batch_size=64, num_workers=2)
    print(f"classes: {class_names(path)}")
    for epoch in range(2):
        images.epoch = epoch
        seen = 0
        for batch, labels in loader:
            assert len(batch) == len(labels)  # here goes the training step
            seen += len(batch)
        print(f"epoch {epoch}: {seen} images")


if __name__ == "__main__":
    main(*sys.argv[1:])
