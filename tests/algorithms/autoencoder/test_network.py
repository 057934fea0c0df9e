import numpy as np
import pytest

from algorithms.autoencoder.network import build_network, step_operations


@pytest.mark.parametrize(
    ("hidden", "widths"), [((200, 100), [200, 100, 200, 64]), ((7,), [7, 64]), ((10, 5, 2), [10, 5, 2, 5, 10, 64])]
)
def test_the_decoder_mirrors_the_encoder(hidden, widths):
    network = build_network(64, hidden)
    assert [bias.shape[0] for bias in network.get_weights()[1::2]] == widths


def test_it_gives_the_reconstruction_and_the_code():
    network = build_network(5, (4, 2))
    outputs = network(np.zeros((3, 5), np.float32), training=False)
    assert {name: tuple(values.shape) for name, values in outputs.items()} == {"reconstruction": (3, 5), "code": (3, 2)}


def test_it_computes_what_its_weights_say():
    network = build_network(3, (2,))
    x = np.array([[1.0, -2.0, 0.5]], np.float32)
    encoder, encoder_bias, decoder, decoder_bias = network.get_weights()
    code = np.maximum(x @ encoder + encoder_bias, 0)
    outputs = network(x, training=False)
    assert outputs["code"].numpy() == pytest.approx(code)
    assert outputs["reconstruction"].numpy() == pytest.approx(code @ decoder + decoder_bias)


def test_dropout_follows_every_hidden_layer_and_is_silent_outside_training():
    network = build_network(4, (8, 6, 3), dropout=0.5)
    assert [layer.name for layer in network.layers if "dropout" in layer.name] == [f"dropout_{i}" for i in range(1, 6)]
    x = np.ones((2, 4), np.float32)
    first, second = (network(x, training=False)["reconstruction"].numpy() for _ in range(2))
    assert np.array_equal(first, second)
    noisy = [network(x, training=True)["reconstruction"].numpy() for _ in range(2)]
    assert not np.array_equal(*noisy)


def test_without_dropout_there_is_no_such_layer():
    assert not [layer for layer in build_network(4, (3,)).layers if "dropout" in layer.name]


def test_the_seed_decides_the_weights():
    def first(seed):
        return build_network(4, (3, 2), seed=seed).get_weights()[0]

    assert np.array_equal(first(1), first(1))
    assert not np.array_equal(first(1), first(2))


def test_a_sigmoid_output_stays_in_the_unit_interval():
    outputs = build_network(4, (3,), activation="sigmoid", output_activation="sigmoid")(
        np.full((1, 4), 100, np.float32)
    )
    assert ((outputs["reconstruction"].numpy() >= 0) & (outputs["reconstruction"].numpy() <= 1)).all()


def test_step_operations_count_two_a_weight_forward_and_four_backward():
    assert step_operations(64, (200, 100), 10) == 10 * 6 * (64 * 200 + 200 * 100 + 100 * 200 + 200 * 64)
