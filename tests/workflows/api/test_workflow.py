from typing import Any

from tests.workflows.conftest import DATA, EVALDATA, EVALUATION, FEEDER, INIT, NETCONF, STEEL, TRAIN, Api

CHAIN = ["datasrc", "feed_train", "netconf_node", "evaldata", "feed_test", "eval_node"]
STATE = "wf/target/state/nnid/steel/wfver/1/"


def test_the_chain_of_a_type_is_created_once(version: Api) -> None:
    version.put(NETCONF, {"iter": 4})
    assert version.post(INIT, {"type": "autoencoder_csv"}).body["nodes"] == CHAIN
    assert version.get(NETCONF).body["parameters"]["iter"] == 4, "the same type again changes nothing"
    assert version.get(INIT).body["type"] == "autoencoder_csv"


def test_a_type_that_is_not_offered_is_400_and_lists_those_that_are(version: Api) -> None:
    answer = version.post(INIT, {"type": "resnet"})
    assert answer.status == 400
    assert "autoencoder_csv" in answer.body["errors"]["type"][0]


def test_a_version_without_workflow_says_what_to_do(version: Api) -> None:
    assert version.delete(INIT).status == 200
    assert version.get(STATE).body["missing"] == {
        "type": ["no workflow yet: POST its type to wf/target/init/mode/simple first"]
    }
    assert version.get(NETCONF).status == 404
    assert version.post(INIT, {"type": "autoencoder_csv"}).status == 200


def test_the_state_says_what_is_missing_for_training(uploaded: Api) -> None:
    state = uploaded.get(STATE).body
    assert (state["ready"], state["missing"]) == (True, {})
    rows = {node["node"]: (node["files"], node["rows"]) for node in state["nodes"]}
    assert rows["datasrc"] == (1, 6)
    uploaded.delete(DATA)
    state = uploaded.get(STATE).body
    assert state["ready"] is False
    assert "upload a CSV" in state["missing"]["datasrc"][0]


def test_the_state_costs_four_queries(uploaded: Api, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(4):  # the version, its nodes, their files, its newest run
        assert uploaded.get(STATE).status == 200


def test_nodes_and_edges_are_listed(version: Api) -> None:
    body = version.get("wf/target/node/nnid/steel/wfver/1/").body
    assert body["nodes"] == CHAIN
    assert ["feed_train", "netconf_node"] in body["edges"]


def test_the_types_on_offer_carry_the_schemas_of_their_parameters(version: Api) -> None:
    menu = version.get("wf/target/menu/").body
    graphs = version.get("wf/target/graph/").body
    assert [entry["type"] for entry in menu] == ["autoencoder_csv", "graphbean_csv"]
    assert [entry["nodes"] for entry in menu + graphs] == [CHAIN] * 4
    autoencoder, graphbean = (entry["parameters"]["netconf_node"]["properties"] for entry in graphs)
    assert autoencoder["n_hidden"]["default"] == [200, 100]
    assert graphbean["latent_channels"]["default"] == [32, 32]


def test_stored_parameters_are_shown_with_the_defaults_of_the_rest(version: Api) -> None:
    version.put(NETCONF, {"iter": 4, "n_hidden": 8})
    (node,) = version.get(f"{INIT}desc/netconf_node/").body
    assert node["parameters"]["iter"] == 4
    assert node["parameters"]["n_hidden"] == [8]
    assert node["parameters"]["batch_size"] == 128
    assert [n["node"] for n in version.get(f"{INIT}desc/all/").body] == CHAIN
    assert version.get(f"{INIT}desc/nothing/").status == 404


def test_parameters_not_named_keep_their_value_and_null_returns_to_the_default(version: Api) -> None:
    version.put(NETCONF, {"iter": 4, "batch_size": 10})
    version.post(NETCONF, {"batch_size": None, "seed": 3})
    parameters = version.get(NETCONF).body["parameters"]
    assert (parameters["iter"], parameters["batch_size"], parameters["seed"]) == (4, 128, 3)


def test_the_guides_parameters_are_taken(version: Api) -> None:
    assert (
        version.put(DATA, {"type": "csv", "source_server": "local", "source_sql": "all", "preprocess": "none"}).status
        == 200
    )
    assert (
        version.post(
            FEEDER,
            {"encode_column": ["PRODUCT_CD"], "vocab_size": 10, "preprocess": "frame", "embed_type": "onehot"},
        ).status
        == 200
    )
    netconf = {"learning_rate": 0.01, "iter": 10, "batch_size": 10, "examples_to_show": 10, "n_hidden": [200, 100]}
    assert version.put(NETCONF, netconf).status == 200
    assert netconf.items() <= version.get(NETCONF).body["parameters"].items()


def test_the_other_detectors_path_is_404(version: Api) -> None:
    assert version.put(NETCONF.replace("autoencoder", "graphbean"), {}).status == 404


def test_a_column_that_the_data_lack_is_422_and_those_it_has_are_named(uploaded: Api) -> None:
    answer = uploaded.post(FEEDER, {"encode_column": ["PRODUCT_CD", "COLOUR"]})
    assert answer.status == 422
    assert "COLOUR" in answer.body["errors"]["encode_column"][0]
    assert "WEIGHT" in answer.body["errors"]["encode_column"][0]
    assert uploaded.get(FEEDER).body["parameters"]["encode_column"] is None


def test_an_evaluation_label_may_be_set_before_the_evaluation_data(uploaded: Api) -> None:
    assert uploaded.put(EVALUATION, {"label_column": "SICK"}).status == 200
    assert "SICK" in uploaded.get(STATE).body["missing"]["label_column"][0]
    uploaded.upload(EVALDATA, ("eval.csv", STEEL.replace(b"DEFECT", b"SICK")))
    assert uploaded.get(STATE).body["ready"] is False, "the feeder would use DEFECT, which these data lack"
    uploaded.put(FEEDER, {"label_column": "DEFECT"})
    assert uploaded.get(STATE).body["missing"] == {}


def test_evaluation_data_that_do_not_fit_are_found_before_training(uploaded: Api) -> None:
    uploaded.upload(EVALDATA, ("eval.csv", b"PRODUCT_CD,WEIGHT,DEFECT\nHR,heavy,0\nHR,light,0\n"))
    missing = uploaded.get(STATE).body["missing"]["evaldata"]
    assert [("MC_NO" in missing[0]), ("WEIGHT" in missing[1])] == [True, True]
    answer = uploaded.post(TRAIN)
    assert answer.status == 422
    assert "MC_NO" in answer.body["result"]


def test_evaluation_data_need_neither_excluded_columns_nor_the_training_label(uploaded: Api) -> None:
    uploaded.post(FEEDER, {"exclude_column": ["MC_NO"], "label_column": "DEFECT"})
    uploaded.upload(EVALDATA, ("eval.csv", b"PRODUCT_CD,WEIGHT\nHR,1.5\nCR,2.5\n"))
    assert uploaded.get(STATE).body["ready"] is True


def test_a_label_that_only_the_evaluation_names_is_no_feature_that_evaluation_data_must_have(uploaded: Api) -> None:
    uploaded.put(EVALUATION, {"label_column": "DEFECT"})
    uploaded.upload(EVALDATA, ("eval.csv", b"PRODUCT_CD,MC_NO,WEIGHT\nHR,M1,1.5\nCR,M2,2.5\n"))
    assert uploaded.get(STATE).body["ready"] is True


def test_a_parameter_given_under_both_its_names_is_400(version: Api) -> None:
    answer = version.put(NETCONF, {"iter": 3, "epochs": 4})
    assert answer.status == 400
    assert "epochs" in answer.body["errors"]


def test_contradictory_parameters_are_400(version: Api) -> None:
    for path, body in (
        (FEEDER, {"encode_column": ["A"], "exclude_column": ["A"]}),
        (FEEDER, {"encode_column": ["A", "A"]}),
        (FEEDER, {"encode_column": ["A"], "label_column": "A"}),
        (FEEDER, {"train_on": "normal"}),
        (EVALUATION, {"threshold": 1.0, "contamination": 0.1}),
        (EVALUATION, {"threshold_rule": "fixed"}),
        (EVALUATION, {"threshold_rule": "best_f1", "threshold": 2}),
    ):
        assert version.put(path, body).status == 400, body
