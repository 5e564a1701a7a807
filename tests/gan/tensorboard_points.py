"""What a folder's TensorBoard event files hold."""

from pathlib import Path

import tensorflow as tf
from tensorflow.core.util import event_pb2

from datasets.tfrecord import read_tfrecord
from gan.tensorboard_log import TENSORBOARD_FOLDER


def read_points(folder: Path) -> list[tuple[str, int, float | None]]:
    """(name, images seen, value) of all points below `tensorboard/`, in the order of files; no value for pictures."""
    points: list[tuple[str, int, float | None]] = []
    for path in sorted((folder / TENSORBOARD_FOLDER).glob("events.out.tfevents.*")):
        for record in read_tfrecord(path):
            event = event_pb2.Event.FromString(record)
            for value in event.summary.value:
                scalar = value.metadata.plugin_data.plugin_name == "scalars"
                points.append((value.tag, event.step, float(tf.make_ndarray(value.tensor)) if scalar else None))
    return points
