import json

import pytest

from algorithms.autoencoder.params import AutoencoderParams
from algorithms.autoencoder.recipe import resolve_recipe
from algorithms.tabular.params import TabularFeederParams

NORMAL = TabularFeederParams(label_column="y", train_on="normal")


def resolve(rows=1000, feeder=None, **params):
    return resolve_recipe(AutoencoderParams(**params), feeder or TabularFeederParams(), rows=rows)


def test_auto_is_clean_for_training_on_normal_rows_and_contaminated_otherwise():
    assert resolve(feeder=NORMAL).recipe == "clean"
    assert resolve().recipe == "contaminated"
    assert resolve(feeder=NORMAL, recipe="contaminated").recipe == "contaminated"


def test_the_clean_recipe():
    clean = resolve(recipe="clean")
    assert (clean.learning_rate, clean.learning_rate_decay) == (3e-3, "cosine")
    assert (clean.noise, clean.dropout, clean.trim) == (3.0, 0.0, 0.0)
    assert clean.epochs * 1000 >= 1500 * 128 > (clean.epochs - 1) * 1000


def test_the_contaminated_recipe():
    contaminated = resolve(recipe="contaminated")
    assert (contaminated.learning_rate, contaminated.learning_rate_decay) == (3e-3, "cosine")
    assert (contaminated.noise, contaminated.dropout, contaminated.trim) == (0.0, 0.5, 0.2)
    assert contaminated.epochs * 1000 >= 800 * 128 > (contaminated.epochs - 1) * 1000


def test_the_classic_recipe():
    classic = resolve(recipe="classic")
    assert (classic.activation, classic.output_activation, classic.numeric_scaling) == ("sigmoid", "sigmoid", "minmax")
    assert (classic.learning_rate, classic.noise, classic.dropout, classic.trim) == (0.01, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("recipe", ["clean", "contaminated", "classic"])
def test_explicit_values_win_over_every_recipe(recipe):
    given = {"learning_rate": 0.5, "dropout": 0.0, "noise": 0.0, "trim": 0.0, "activation": "tanh", "epochs": 7}
    resolved = resolve(recipe=recipe, feeder=TabularFeederParams(numeric_scaling="standard"), **given)
    assert {name: getattr(resolved, name) for name in given} == given
    assert resolved.numeric_scaling == "standard"


def test_relu_linear_output_and_asinh_are_the_defaults():
    resolved = resolve()
    assert (resolved.activation, resolved.output_activation, resolved.numeric_scaling) == ("relu", "linear", "asinh")
    assert resolved.batch_size == 128


def test_many_rows_still_get_one_epoch():
    assert resolve(rows=10_000_000).epochs == 1


def test_a_batch_is_never_larger_than_the_rows():
    small = resolve(rows=3)
    assert small.batch_size == 3
    assert small.epochs == 800


def test_the_settings_are_json():
    assert json.loads(json.dumps(resolve().to_dict()))["hidden"] == [200, 100]
