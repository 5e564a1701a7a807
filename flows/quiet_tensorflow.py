"""Imports TensorFlow without its remarks on the processor, for commands whose output people read."""

import os
import sys


def import_tensorflow_quietly() -> None:
    """Import it with standard error closed to it: it writes there at import, whatever its log level is.

    Errors of the import are raised as usual. Nothing where Keras runs on another library.
    """
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    shown = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import tensorflow  # noqa: F401
    finally:
        os.dup2(shown, 2)
        os.close(shown)
        os.close(nowhere)
