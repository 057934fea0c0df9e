"""Which rule is in force: the one trained with, the one set since, the one of the run that is rolled back to."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection

from algorithms.verdicts import Calibration
from tests.workflows.conftest import EVALUATION, NETWORK, PREDICT, RULES, TRAIN, Api, place_of, serve, vouch
from workflows.errors import Conflict
from workflows.models import Node, Rule, Run, RunState
from workflows.services.rules import RuleCache, current_rule


def newest() -> Rule:
    return Rule.objects.latest("pk")


def stored(run: Run, kind: str, part: str = "") -> np.ndarray:
    return np.load(place_of(run.artifact_prefix) / f"{kind}.datasrc{part}.npy")


def test_the_first_rule_is_the_one_trained_with_and_as_old_as_the_model(serving_rows: Api) -> None:
    run = Run.objects.get()
    rule = current_rule(run)
    assert rule.rule == {"rule": "contamination", "contamination": 0.05}
    assert rule.value == {"value": run.threshold["value"]}
    assert (rule.username, rule.created) == ("", run.finished)
    assert current_rule(run) == rule
    assert Rule.objects.count() == 1


def test_the_first_rule_of_a_graph_has_a_value_for_each_part(serving_graph: Api) -> None:
    run = Run.objects.get()
    assert current_rule(run).value == {part: run.threshold[part] for part in "uve"}


def test_a_fixed_threshold_is_a_rule_with_its_number(run: Run) -> None:
    assert current_rule(run).rule == {"rule": "fixed", "threshold": 0.2}


def test_a_run_without_a_model_has_no_rule(run: Run) -> None:
    Run.objects.update(state=RunState.RUNNING)
    run.refresh_from_db()
    with pytest.raises(Conflict, match="running"):
        current_rule(run)


@pytest.mark.django_db(transaction=True)
def test_many_who_ask_first_make_one_rule(run: Run) -> None:
    def ask(_: int) -> int:
        try:
            return current_rule(Run.objects.get(pk=run.pk)).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(16)))) == 1
    assert Rule.objects.count() == 1


def test_contamination_is_the_quantile_of_the_held_out_scores(serving_rows: Api) -> None:
    answer = serving_rows.put(EVALUATION, {"contamination": 0.2})
    assert answer.status == 200, answer.body
    held_out = Calibration.read(place_of(Run.objects.get().artifact_prefix)).scores
    assert newest().value == {"value": float(np.quantile(held_out, 0.8))}
    assert answer.body["in_force"]["threshold_id"] == newest().pk
    assert serving_rows.get(EVALUATION).body == answer.body


def test_what_was_trained_with_is_found_again(serving_rows: Api) -> None:
    assert serving_rows.put(EVALUATION, {"contamination": 0.2}).status == 200
    assert serving_rows.put(EVALUATION, {"contamination": None}).status == 200
    assert newest().rule == {"rule": "contamination", "contamination": 0.05}
    assert newest().value["value"] == pytest.approx(Run.objects.get().threshold["value"])


def test_best_f1_is_found_among_the_stored_scores_and_labels(serving_rows: Api) -> None:
    assert serving_rows.post(EVALUATION, {"threshold_rule": "best_f1"}).status == 200
    run = Run.objects.get()
    scores, labels = stored(run, "scores"), stored(run, "labels")

    def f1(threshold: float) -> float:
        flagged = scores > threshold
        return float(2 * (flagged & (labels == 1)).sum() / (flagged.sum() + labels.sum()))

    assert newest().rule == {"rule": "best_f1"}
    assert f1(newest().value["value"]) == max(map(f1, [-1.0, *scores]))


def test_best_f1_of_a_graph_is_that_of_each_part(serving_graph: Api) -> None:
    assert serving_graph.put(EVALUATION, {"threshold_rule": "best_f1"}).status == 200
    run, value = Run.objects.get(), newest().value
    for part in "uve":
        scores, labels = stored(run, "scores", f".{part}"), stored(run, "labels", f".{part}")
        assert (scores > value[part]).any() or not labels.any()
    assert value != {part: run.threshold[part] for part in "uve"}


def test_a_fixed_threshold_of_a_graph_is_that_of_its_edges(serving_graph: Api) -> None:
    assert serving_graph.put(EVALUATION, {"threshold": 7.5}).status == 200
    trained = Run.objects.get().threshold
    assert newest().value == {"u": pytest.approx(trained["u"]), "v": pytest.approx(trained["v"]), "e": 7.5}


@pytest.mark.parametrize("rule", [{"rule": "top_k", "top_k": 3}, {"rule": "fdr", "fdr": 0.2}])
@pytest.mark.parametrize("serving", ["serving_rows", "serving_graph"])
def test_rules_of_batches_have_no_value(rule: dict[str, Any], serving: str, request: pytest.FixtureRequest) -> None:
    api: Api = request.getfixturevalue(serving)
    number = {name: value for name, value in rule.items() if name != "rule"}
    assert api.put(EVALUATION, {"threshold_rule": rule["rule"], **number}).status == 200
    assert (newest().rule, newest().value) == (rule, None)


def test_other_parameters_and_the_same_rule_make_no_new_one(serving_rows: Api) -> None:
    serving_rows.put(EVALUATION, {"threshold": 3.0})
    assert serving_rows.put(EVALUATION, {"label_column": "DEFECT"}).status == 200
    assert serving_rows.put(EVALUATION, {"threshold": 3}).status == 200
    assert [rule.rule["rule"] for rule in Rule.objects.order_by("pk")] == ["contamination", "fixed"]


def test_a_rule_replaces_the_one_before_in_the_parameters(serving_rows: Api) -> None:
    stored = []
    for body in ({"contamination": 0.2}, {"threshold_rule": "fdr"}, {"top_k": 4}, {"threshold_rule": "best_f1"}):
        assert serving_rows.put(EVALUATION, body).status == 200
        stored.append(Node.objects.get(name="eval_node").parameters)
    assert stored == [{"contamination": 0.2}, {"threshold_rule": "fdr"}, {"top_k": 4}, {"threshold_rule": "best_f1"}]


@pytest.mark.parametrize(
    "body",
    [
        {"threshold_rule": "best_f1", "threshold": 2.0},
        {"threshold_rule": "top_k"},
        {"threshold_rule": "fdr", "fdr": 0.9},
        {"fdr": 0.1, "top_k": 5},
    ],
)
def test_contradictory_rules_are_refused_and_nothing_is_stored(serving_rows: Api, body: dict[str, Any]) -> None:
    assert serving_rows.put(EVALUATION, body).status == 400
    assert serving_rows.get(EVALUATION).body["in_force"]["rule"]["rule"] == "contamination"
    assert Node.objects.get(name="eval_node").parameters == {}


def test_best_f1_without_both_kinds_of_rows_is_refused_and_nothing_is_stored(serving_rows: Api) -> None:
    artifact = place_of(Run.objects.get().artifact_prefix)
    np.save(artifact / "labels.datasrc.npy", np.zeros(300, np.int8))
    vouch(artifact)
    answer = serving_rows.put(EVALUATION, {"threshold_rule": "best_f1"})
    assert answer.status == 422
    assert "label_column" in answer.body["errors"]["threshold_rule"][0]
    assert Node.objects.get(name="eval_node").parameters == {}
    assert Rule.objects.count() == 1


@pytest.mark.parametrize("body", [{"contamination": 0.1}, {"threshold_rule": "fdr"}])
def test_a_model_of_an_earlier_release_has_to_be_trained_again(serving_rows: Api, body: dict[str, Any]) -> None:
    artifact = place_of(Run.objects.get().artifact_prefix)
    (artifact / "calibration.npy").unlink()
    vouch(artifact)
    answer = serving_rows.put(EVALUATION, body)
    assert answer.status == 422
    assert "train the model again" in answer.body["result"]
    assert Node.objects.get(name="eval_node").parameters == {}
    assert serving_rows.put(EVALUATION, {"threshold": 1.5}).status == 200


def test_a_rule_is_set_while_another_training_waits(serving_rows: Api) -> None:
    assert serving_rows.post(TRAIN).status == 200
    serving_rows.put(EVALUATION, {"threshold": 3.0})
    assert newest().run.number == 1


def test_a_run_that_is_rolled_back_to_has_its_own_rule_again(serving_rows: Api, rows_model: Path) -> None:
    serving_rows.put(EVALUATION, {"threshold": 3.0})
    serve(serving_rows, rows_model)
    assert serving_rows.get(EVALUATION).body["in_force"]["nn_batch_ver_id"] == 2
    pinned = {"nn_batch_ver_id": 1, "active_flag": "Y"}
    assert serving_rows.put(f"{NETWORK}version/1/", pinned).status == 200
    assert serving_rows.get(EVALUATION).body["in_force"]["value"] == {"value": 3.0}
    # What the parameters say already is still set on a run that has another rule.
    serving_rows.put(f"{NETWORK}version/1/", pinned | {"active_flag": "N"})
    serving_rows.put(EVALUATION, {"threshold": 3.0})
    assert (newest().run.number, newest().value) == (2, {"value": 3.0})


def test_the_history_has_every_rule_the_newest_first(serving_rows: Api, rows_model: Path) -> None:
    serving_rows.put(EVALUATION, {"threshold": 3.0})
    serve(serving_rows, rows_model)
    answer = serving_rows.get(RULES)
    assert answer.status == 200
    assert [(row["nn_batch_ver_id"], row["rule"]["rule"], row["in_force"]) for row in answer.body] == [
        (2, "contamination", True),
        (1, "fixed", False),
        (1, "contamination", False),
    ]
    assert answer.body[1]["value"] == {"value": 3.0}
    assert answer.body[1]["run"] == str(Run.objects.get(number=1).id)
    assert serving_rows.get(f"{RULES}?page_size=1&page=3").body == answer.body[2:]


def test_a_rule_is_read_again_once_its_time_is_over(run: Run, django_assert_num_queries: Any) -> None:
    cache, hasty = RuleCache(seconds=3600), RuleCache(seconds=0)
    first = cache.get(run)
    assert hasty.get(run) == first
    second = Rule.objects.create(run=run, rule={"rule": "fixed", "threshold": 9.0}, value={"value": 9.0})
    with django_assert_num_queries(0):
        assert cache.get(run) == first
    assert hasty.get(run) == second
    cache.forget(run.id)
    assert cache.get(run) == second


def test_the_rule_costs_a_prediction_no_query(serving_rows: Api, django_assert_max_num_queries: Any) -> None:
    row = {"input_data": {"grade": "A", "temperature": 1500.0, "weight": 150.0}}
    assert serving_rows.post(PREDICT, row).status == 200
    with django_assert_max_num_queries(10) as asked:
        serving_rows.post(PREDICT, row)
    assert not any("workflows_rule" in query["sql"] for query in asked.captured_queries)
