import numpy as np
import pytest

from algorithms.autoencoder.backend import keras
from algorithms.autoencoder.network import build_network, inputs_of, step_operations
from algorithms.tabular.features import Layout
from tests.algorithms.autoencoder.layouts import LAYOUTS, features


def numbers(width):
    return Layout(width, ())


def reconstruct(network, values, **options):
    return network({"numbers": values}, **options)["reconstruction"].numpy()


@pytest.mark.parametrize(
    ("hidden", "widths"), [((200, 100), [200, 100, 200, 64]), ((7,), [7, 64]), ((10, 5, 2), [10, 5, 2, 5, 10, 64])]
)
def test_the_decoder_mirrors_the_encoder(hidden, widths):
    network = build_network(numbers(64), hidden)
    assert [bias.shape[0] for bias in network.get_weights()[1::2]] == widths


@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_gives_the_reconstruction_and_the_code_for_any_layout(layout):
    network = build_network(layout, (4, 2))
    outputs = network(inputs_of(features(layout, rows=3)), training=False)
    shapes = {name: tuple(values.shape) for name, values in outputs.items()}
    assert shapes == {"reconstruction": (3, layout.width), "code": (3, 2)}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_computes_what_its_weights_say_of_the_features_spelled_out(layout):
    network, rows = build_network(layout, (2,)), features(layout)
    encoder, encoder_bias, decoder, decoder_bias = network.get_weights()
    code = np.maximum(rows.dense(layout) @ encoder + encoder_bias, 0)
    outputs = network(inputs_of(rows), training=False)
    assert outputs["code"].numpy() == pytest.approx(code, abs=1e-6)
    assert outputs["reconstruction"].numpy() == pytest.approx(code @ decoder + decoder_bias, abs=1e-6)


def test_the_first_kernel_is_drawn_for_the_width_spelled_out():
    kernel = build_network(Layout(30, (500, 470)), (200,)).get_weights()[0]
    glorot = np.sqrt(6 / (1000 + 200))
    assert np.abs(kernel).max() == pytest.approx(glorot, rel=1e-3)
    assert kernel.std() == pytest.approx(glorot / np.sqrt(3), rel=0.01)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_keras_alone_saves_and_loads_it(layout, tmp_path):
    network, rows = build_network(layout, (4, 2), dropout=0.1), inputs_of(features(layout))
    network.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert np.array_equal(loaded(rows)["reconstruction"], network(rows)["reconstruction"])


def test_dropout_follows_every_hidden_layer_and_is_silent_outside_training():
    network = build_network(numbers(4), (8, 6, 3), dropout=0.5)
    assert [layer.name for layer in network.layers if "dropout" in layer.name] == [f"dropout_{i}" for i in range(1, 6)]
    x = np.ones((2, 4), np.float32)
    first, second = (reconstruct(network, x, training=False) for _ in range(2))
    assert np.array_equal(first, second)
    noisy = [reconstruct(network, x, training=True) for _ in range(2)]
    assert not np.array_equal(*noisy)


def test_without_dropout_there_is_no_such_layer():
    assert not [layer for layer in build_network(numbers(4), (3,)).layers if "dropout" in layer.name]


def test_the_seed_decides_the_weights():
    def first(seed):
        return build_network(numbers(4), (3, 2), seed=seed).get_weights()[0]

    assert np.array_equal(first(1), first(1))
    assert not np.array_equal(first(1), first(2))


def test_a_sigmoid_output_stays_in_the_unit_interval():
    network = build_network(numbers(4), (3,), activation="sigmoid", output_activation="sigmoid")
    reconstruction = reconstruct(network, np.full((1, 4), 100, np.float32))
    assert ((reconstruction >= 0) & (reconstruction <= 1)).all()


def test_step_operations_count_two_a_weight_forward_and_four_backward_but_no_gradient_of_the_features():
    weights = 64 * 200 + 200 * 100 + 100 * 200 + 200 * 64
    assert step_operations(numbers(64), (200, 100), 10) == 10 * (6 * weights - 2 * 64 * 200)


def test_step_operations_count_no_product_for_what_is_gathered():
    layout = Layout(4, (1000, 3))
    assert step_operations(layout, (8,), 1) == 6 * (7 * 8 + 8 * 1007) - 2 * 7 * 8
