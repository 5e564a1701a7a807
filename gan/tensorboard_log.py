"""TensorBoard event files through TensorFlow's own writer; TensorBoard itself is needed only to look at them.

A resumed run, or one that went back to a checkpoint, cuts away what was written after that point, and goes on in a new
file: no two points contradict each other.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import summary_pb2
from tensorflow.core.util import event_pb2

from datasets.errors import FormatError
from datasets.tfrecord import read_tfrecord, write_tfrecord

TENSORBOARD_FOLDER = "tensorboard"


class TensorBoardLog:
    """Writes to `tensorboard/` in a folder. The step of every point is the number of real images seen."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / TENSORBOARD_FOLDER
        self._writer: tf.summary.SummaryWriter | None = None

    def numbers(self, group: str, images_seen: int, numbers: Mapping[str, float]) -> None:
        """One point for each number, under `group/name`."""
        with self._open().as_default():
            for name, value in numbers.items():
                content = tf.constant(float(value), tf.float32)
                tf.summary.write(f"{group}/{name}", content, images_seen, _metadata("scalars", 1))

    def picture(self, name: str, images_seen: int, picture: np.ndarray) -> None:
        """A picture uint8 [H, W, 1 or 3] (RGB)."""
        _, payload = cv2.imencode(".png", picture[..., ::-1])
        height_px, width_px = picture.shape[:2]
        content = tf.constant([str(width_px).encode(), str(height_px).encode(), payload.tobytes()])
        with self._open().as_default():
            tf.summary.write(name, content, images_seen, _metadata("images", 3))

    def flush(self) -> None:
        """Everything so far is in the file."""
        if self._writer is not None:
            self._writer.flush()

    def cut(self, images_seen: int) -> None:
        """Forget what lies after a number of images, and what a killed run left unfinished."""
        self.close()
        for path in sorted(self._folder.glob("events.out.tfevents.*")):
            _cut_file(path, images_seen)

    def close(self) -> None:
        """End the file; writing again begins another."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _open(self) -> tf.summary.SummaryWriter:
        if self._writer is None:
            number = len(list(self._folder.glob("events.out.tfevents.*")))
            # The suffix keeps two files of one second apart.
            self._writer = tf.summary.create_file_writer(str(self._folder), filename_suffix=f".{number}.v2")
        return self._writer


def _cut_file(path: Path, images_seen: int) -> None:
    write_tfrecord(path, _records_until(path, images_seen))


def _records_until(path: Path, images_seen: int) -> Iterator[bytes]:
    try:
        for record in read_tfrecord(path):
            if event_pb2.Event.FromString(record).step <= images_seen:
                yield record
    except FormatError:
        return  # the last record of a run that was killed; nothing follows it


def _metadata(plugin: str, data_class: int) -> Any:
    """What makes TensorBoard show a tensor as a point of a curve (class 1), or as pictures (class 3)."""
    plugin_data = summary_pb2.SummaryMetadata.PluginData(plugin_name=plugin)
    return summary_pb2.SummaryMetadata(plugin_data=plugin_data, data_class=data_class)
