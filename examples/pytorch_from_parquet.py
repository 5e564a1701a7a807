"""An exported data set in PyTorch without this project: PyArrow and Pillow read the Parquet files.

augment-dataset export demo/published/digits --format parquet --out digits-parquet
python examples/pytorch_from_parquet.py digits-parquet
"""

import io
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset


class ParquetImages(Dataset):
    """Float32 [C, H, W] in [0, 1] with class ids, in any order: the encoded images are kept in memory."""

    def __init__(self, folder: str, split: str = "train") -> None:
        self.table = pq.read_table(sorted(Path(folder, "data").glob(f"{split}-*.parquet")))

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        image = Image.open(io.BytesIO(self.table["image"][row]["bytes"].as_py()))
        pixels = np.atleast_3d(np.asarray(image)).transpose(2, 0, 1)
        return torch.tensor(pixels / 255, dtype=torch.float32), self.table["label"][row].as_py()


if __name__ == "__main__":
    seen = 0
    for batch, labels in DataLoader(ParquetImages(sys.argv[1]), batch_size=64, shuffle=True, num_workers=2):
        assert len(batch) == len(labels)  # here goes the training step
        seen += len(batch)
    print(f"{seen} images")
