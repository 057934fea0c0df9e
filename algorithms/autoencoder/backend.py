"""TensorFlow and Keras, configured before their first import. Only training children and notebooks import this."""

import logging
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # 2 still complains, on a machine without a GPU, that it has none
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import tensorflow as tf

__all__ = ["has_gpu", "keras", "tf", "use_threads"]

logger = logging.getLogger(__name__)


def has_gpu() -> bool:
    """Tell whether TensorFlow computes on a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def use_threads(threads: int) -> None:
    """Let TensorFlow run so many operations side by side, each on one thread; call before it computes anything.

    Splitting a product of these sizes over threads costs more than it saves (`training` says what is shared instead).
    """
    try:
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        tf.config.threading.set_intra_op_parallelism_threads(1)
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)  # another training may share it
    except RuntimeError:  # TensorFlow already computes in this process: a notebook, a test
        logger.info("TensorFlow was started before; its number of threads stays as it is")


if keras.backend.backend() != "tensorflow":
    raise ImportError("keras was imported with another backend; start Python with KERAS_BACKEND=tensorflow")
