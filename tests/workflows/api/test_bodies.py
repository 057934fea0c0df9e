"""Bodies that no view should have to look at."""

import pytest
from django.test import override_settings

from tests.workflows.conftest import NETCONF, NETWORK, Api


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"[]", "not an array"),
        (b'"text"', "not a string"),
        (b"3", "not a number"),
        (b"null", "not null"),
        (b"true", "not a boolean"),
        (b"{", "no valid JSON"),
        (b'{"nn_title": NaN}', "NaN is not a JSON number"),
        (b'{"nn_title": 1e999}', "beyond the range"),
        (b'{"nn_title": "\\u0000"}', "must not contain NUL"),
        (b'{"nn_title": "\\ud800"}', "surrogates"),
        (b'{"nn_title": "\xff"}', "not UTF-8"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"nn_title": ' + b"9" * 5000 + b"}", "no valid JSON"),
    ],
)
def test_a_body_that_is_no_storable_json_object_is_400(api: Api, raw: bytes, why: str) -> None:
    answer = api.post(NETWORK, raw=raw)
    assert (answer.status, answer.body["status"]) == (400, "400")
    assert why in answer.body["result"]
    assert api.get(NETWORK).status == 404


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded"])
def test_a_wrong_content_type_is_415(api: Api, content_type: str) -> None:
    answer = api.post(NETWORK, raw=b"nn_title=x", Content_Type=content_type)
    assert (answer.status, answer.body["status"]) == (415, "415")


def test_a_body_beyond_the_limit_is_413_and_says_the_limit(api: Api) -> None:
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1000):
        answer = api.post(NETWORK, {"nn_desc": "x" * 1000})
    assert answer.status == 413
    assert "1,000" in answer.body["result"]


def test_a_body_without_its_length_is_411_and_not_taken_for_an_empty_one(api: Api) -> None:
    answer = api.post(NETWORK, {"nn_title": "z"}, Transfer_Encoding="chunked")
    assert (answer.status, answer.body["status"]) == (411, "411")
    assert api.get(NETWORK).status == 404


def test_an_unknown_field_is_named_with_those_allowed(api: Api) -> None:
    answer = api.post(NETWORK, {"biz_category": "MES"})
    assert answer.status == 400
    assert "biz_cate" in answer.body["errors"]["biz_category"][0]


def test_every_wrong_field_is_reported_at_once(api: Api) -> None:
    answer = api.post(NETWORK, {"use_flag": "maybe", "biz_cate": "x" * 51})
    assert set(answer.body["errors"]) == {"use_flag", "biz_cate"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"n_hidden": []}, "n_hidden"),
        ({"n_hidden": -1}, "n_hidden"),
        ({"n_hidden": [10, 0]}, "n_hidden"),
        ({"n_hidden": 1e9}, "n_hidden"),
        ({"n_hidden": "abc"}, "n_hidden"),
        ({"n_hidden": True}, "n_hidden"),
        ({"iter": 0}, "iter"),
        ({"iter": 1.5}, "iter"),
        ({"batch_size": -5}, "batch_size"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"contamination": 0.9}, "contamination"),
        ({"validation_split": 1}, "validation_split"),
        ({"activation": "softmax"}, "activation"),
        ({"epochs_": 3}, "epochs_"),
        ({"early_stopping": True, "validation_split": 0}, "parameters"),
    ],
)
def test_a_network_parameter_out_of_range_is_400_and_changes_nothing(version: Api, body: dict, field: str) -> None:
    version.put(NETCONF, {"n_hidden": [7], "iter": 3})
    answer = version.put(NETCONF, body)
    assert answer.status == 400
    assert field in answer.body["errors"]
    kept = version.get(NETCONF).body["parameters"]
    assert (kept["n_hidden"], kept["iter"]) == ([7], 3)


def test_nan_as_a_learning_rate_is_400(version: Api) -> None:
    answer = version.put(NETCONF, raw=b'{"learning_rate": NaN}')
    assert answer.status == 400
    assert "NaN" in answer.body["result"]
