"""TensorFlow and Keras, configured before their first import. Only training children and notebooks import this."""

import logging
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import tensorflow as tf

__all__ = ["keras", "tf", "use_threads"]

logger = logging.getLogger(__name__)

WORTH_SHARING = 20e6
"""Floating point operations of one step from which on splitting its products over threads pays."""


def use_threads(threads: int, *, step_operations: float) -> int:
    """Give TensorFlow at most `threads` threads and return how many it uses; call before it computes anything.

    Measured on two cores with hidden 200-100: handing the products of a batch of 10 to a second thread costs more than
    it saves (70,000 rows/s with one thread, 28,000 with two), so small steps get one thread. Operations are never run
    side by side: a step is a chain.
    """
    wanted = threads if step_operations >= WORTH_SHARING else 1
    try:
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.threading.set_intra_op_parallelism_threads(wanted)
    except RuntimeError:  # TensorFlow already computes in this process: a notebook, a test
        logger.warning("TensorFlow was started before; its number of threads stays as it is")
    return int(tf.config.threading.get_intra_op_parallelism_threads())


if keras.backend.backend() != "tensorflow":
    raise ImportError("keras was imported with another backend; start Python with KERAS_BACKEND=tensorflow")
