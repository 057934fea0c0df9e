import pytest
from pydantic import ValidationError

from algorithms.autoencoder.params import AutoencoderParams
from algorithms.params import DataSourceParams, EvaluationParams
from algorithms.tabular.params import TabularFeederParams

WIDTHS = "every width must be a whole number from 1 to 16384"
NAMES = "give a list of column names, each of 1 to 500 characters"


def refusal(params, **given):
    """Return field and message of the one thing that is wrong."""
    with pytest.raises(ValidationError) as caught:
        params(**given)
    [problem] = caught.value.errors()
    return ".".join(map(str, problem["loc"])), problem["msg"].removeprefix("Value error, ")


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "cp949", "latin-1", "utf-16", None])
def test_a_text_encoding_is_accepted(encoding):
    assert DataSourceParams(encoding=encoding).encoding == encoding


@pytest.mark.parametrize("encoding", ["", "klingon", "base64", "hex", "rot13", "zlib", "undefined", "utf-8\0"])
def test_what_is_no_text_encoding_is_refused_with_examples(encoding):
    field, why = refusal(DataSourceParams, encoding=encoding)
    assert field == "encoding"
    assert why == f"{encoding!r} is not a known encoding; names are for example utf-8, cp949, utf-16, latin-1"


@pytest.mark.parametrize(
    ("params", "given", "field", "message"),
    [
        (AutoencoderParams, {"n_hidden": -1}, "n_hidden", WIDTHS),
        (AutoencoderParams, {"n_hidden": [10, 0, -2]}, "n_hidden", WIDTHS),
        (AutoencoderParams, {"n_hidden": 1e9}, "n_hidden", WIDTHS),
        (AutoencoderParams, {"n_hidden": 1.5}, "n_hidden", WIDTHS),
        (AutoencoderParams, {"n_hidden": "abc"}, "n_hidden", WIDTHS),
        (AutoencoderParams, {"n_hidden": "10" * 5000}, "n_hidden", WIDTHS),
        (AutoencoderParams, {"n_hidden": [[5]]}, "n_hidden", WIDTHS),
        (AutoencoderParams, {"n_hidden": [True]}, "n_hidden", WIDTHS),
        (AutoencoderParams, {"n_hidden": {"a": 1}}, "n_hidden", WIDTHS),
        (AutoencoderParams, {"n_hidden": []}, "n_hidden", "give 1 to 16 widths"),
        (AutoencoderParams, {"n_hidden": [1] * 17}, "n_hidden", "give 1 to 16 widths"),
        (TabularFeederParams, {"encode_column": "a"}, "encode_column", NAMES),
        (TabularFeederParams, {"encode_column": ["a", 5, ""]}, "encode_column", NAMES),
        (TabularFeederParams, {"exclude_column": ["x" * 501]}, "exclude_column", NAMES),
        (TabularFeederParams, {"categorical_column": None}, "categorical_column", NAMES),
        (
            TabularFeederParams,
            {"encode_column": []},
            "encode_column",
            "name at least one column, or leave it out to use all",
        ),
    ],
)
def test_a_wrong_list_is_refused_once_in_words_of_the_api(params, given, field, message):
    assert refusal(params, **given) == (field, message)


@pytest.mark.parametrize("name", ["n_hidden", "iter", "learning_rate", "seed", "threshold", "dropout"])
def test_true_is_no_number(name):
    assert refusal(AutoencoderParams, **{name: True})[0] == name


def test_a_number_may_come_as_its_text():
    params = AutoencoderParams(n_hidden=["5", 3], iter="10", learning_rate="0.01")
    assert (params.hidden, params.epochs, params.learning_rate) == ((5, 3), 10, 0.01)
    assert AutoencoderParams(n_hidden="5").hidden == (5,)
    assert TabularFeederParams(vocab_size="7").vocab_size == 7


def test_a_switch_is_still_true_or_false():
    assert AutoencoderParams(early_stopping=True).early_stopping is True


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"iter": 5, "epochs": 5}, "`iter` and `epochs` are two names of one parameter: give one of them"),
        ({"n_hidden": 5, "hidden": [3]}, "`n_hidden` and `hidden` are two names of one parameter: give one of them"),
        (
            {"threshold": 1, "contamination": 0.05},
            "`threshold` and `contamination` contradict each other: give one of them",
        ),
    ],
)
def test_parameters_that_contradict_each_other_are_both_named(given, message):
    assert refusal(AutoencoderParams, **given) == ("", message)


def test_an_evaluation_by_the_best_f1_takes_no_contamination():
    _, why = refusal(EvaluationParams, threshold_rule="best_f1", contamination=0.1)
    assert why == "`contamination` contradicts threshold_rule 'best_f1': give one of them"


@pytest.mark.parametrize("given", [{}, {"threshold": 2.5}, {"contamination": 0.2}, {"n_hidden": 7, "iter": 3}])
def test_what_was_stored_is_read_again_as_the_same(given):
    params = AutoencoderParams(**given)
    assert AutoencoderParams.model_validate(params.stored()) == params
