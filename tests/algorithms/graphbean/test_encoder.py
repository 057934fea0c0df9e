import json

import numpy as np
import pytest

from algorithms.errors import ArtifactIncompatible, DataError, RowsInvalid
from algorithms.graphbean.encoder import GraphEncoder
from algorithms.graphbean.interactions import Coded, Interactions
from algorithms.graphbean.params import GraphFeederParams

FEEDER = GraphFeederParams(
    u_column="buyer",
    v_column="seller",
    count_distinct=("order",),
    numeric_columns=("amount",),
    encode_column=("place",),
    vocab_size=2,
)
BUYERS = ["ann", "bob", "ann", "ann", None, "bob", None]
SELLERS = ["x", "x", "y", "x", "x", None, None]
ORDERS = ["1", "2", "3", "1", "4", "5", "6"]
PLACES = ["p", "q", None, "p", "q", "p", "r"]
AMOUNTS = [10.0, np.nan, 5.0, 20.0, 7.0, 7.0, 7.0]


def interactions_of(**columns):
    coded = {name: Coded.of(texts) for name, texts in columns.items() if name != "amount"}
    numbers = {name: np.array(values) for name, values in columns.items() if name == "amount"}
    return Interactions(
        len(next(iter(columns.values()))), coded, numbers, ("buyer", "seller", "order", "place", "amount", "fraud")
    )


@pytest.fixture
def interactions():
    return interactions_of(buyer=BUYERS, seller=SELLERS, order=ORDERS, place=PLACES, amount=AMOUNTS)


@pytest.fixture
def encoder(interactions):
    return GraphEncoder.fit(interactions, FEEDER)


def ends(*pairs):
    return interactions_of(buyer=[u for u, _ in pairs], seller=[v for _, v in pairs])


def test_attributes_are_named_in_their_order(encoder):
    shared = ("distinct order", "sum amount", "mean amount", "share place=p", "share place=q", "share place=(other)")
    assert encoder.attributes == (("distinct seller", *shared), ("distinct buyer", *shared), shared)


def test_a_graph_has_the_attributes_counted_by_hand(encoder, interactions):
    made = encoder.graph(interactions)
    assert [list(ids) for ids in made.ids] == [["ann", "bob"], ["x", "y"]]
    assert made.graph.edge_index.tolist() == [[0, 0, 1], [0, 1, 0]]
    # partners, orders, sum and mean of the amount, shares of p, q and all others (of ann's rows one has no place)
    assert made.graph.x.u.tolist() == [[2, 2, 35, 35 / 3, 2 / 3, 0, 1 / 3], [1, 1, 0, 0, 0, 1, 0]]
    assert made.graph.x.v.tolist() == [[2, 2, 30, 15, 2 / 3, 1 / 3, 0], [1, 1, 5, 5, 0, 0, 1]]
    assert made.graph.x.e.tolist() == [[1, 30, 15, 1, 0, 0], [1, 5, 5, 0, 0, 1], [1, 0, 0, 0, 1, 0]]
    assert [rows.tolist() for rows in made.rows] == [[3, 1], [3, 1], [2, 1, 1]]
    assert made.graph.x.u.dtype == np.float64


def test_rows_without_u_or_v_are_left_out_and_counted(encoder, interactions):
    made = encoder.graph(interactions)
    assert made.left_out == {"u": 1, "v": 1, "both": 1}
    assert made.edge_of_row.tolist() == [0, 2, 1, 0, -1, -1, -1]


def test_without_columns_to_count_the_rows_are_counted():
    feeder = GraphFeederParams(u_column="buyer", v_column="seller")
    rows = ends(("a", "x"), ("a", "y"), ("a", "x"))
    encoder = GraphEncoder.fit(rows, feeder)
    assert encoder.attributes == (("distinct seller", "rows"), ("distinct buyer", "rows"), ("rows",))
    graph = encoder.graph(rows).graph
    assert [part.tolist() for part in graph.x] == [[[2, 3]], [[1, 2], [1, 1]], [[2], [1]]]


def test_a_missing_category_is_a_category(interactions):
    encoder = GraphEncoder.fit(interactions, FEEDER.model_copy(update={"vocab_size": 3}))
    assert encoder.categories == {"place": ("p", "q", "r")}
    encoder = GraphEncoder.fit(interactions, FEEDER.model_copy(update={"vocab_size": 10}))
    assert encoder.categories == {"place": ("p", "q", "r", None)}
    assert encoder.graph(interactions).graph.x.e[:, 3:].tolist() == [
        [1, 0, 0, 0, 0],
        [0, 0, 0, 1, 0],
        [0, 1, 0, 0, 0],
    ]


def test_an_unseen_category_counts_with_the_others(encoder):
    later = interactions_of(buyer=["a"], seller=["z"], order=["1"], place=["unseen"], amount=[1.0])
    assert encoder.graph(later).graph.x.e.tolist() == [[1, 1, 1, 0, 0, 1]]


def test_it_tells_what_was_merged_and_what_was_empty(encoder):
    assert encoder.notices == (
        "rare values of place (29 % of the rows) are counted together; raise vocab_size (now 2) to keep them apart",
        "amount is empty in 14 % of the rows; they are left out of its sums and means",
    )


def test_the_order_of_rows_changes_no_attribute(encoder):
    order = np.array([6, 2, 0, 5, 3, 1, 4])
    columns = {"buyer": BUYERS, "seller": SELLERS, "order": ORDERS, "place": PLACES, "amount": AMOUNTS}
    made = encoder.graph(interactions_of(**{name: [cells[i] for i in order] for name, cells in columns.items()}))
    by_id = {made.ids[0][u]: row for u, row in enumerate(made.graph.x.u.tolist())}
    assert by_id == {"ann": [2, 2, 35, 35 / 3, 2 / 3, 0, 1 / 3], "bob": [1, 1, 0, 0, 0, 1, 0]}


def test_one_u_only_is_a_graph():
    rows = ends(("a", "x"), ("a", "y"))
    made = GraphEncoder.fit(rows, GraphFeederParams(u_column="buyer", v_column="seller")).graph(rows)
    assert made.graph.sizes == (1, 2, 2)


def test_ids_that_only_left_out_rows_have_are_no_nodes():
    rows = ends(("a", None), ("b", "x"), (None, "y"), ("c", "z"))
    made = GraphEncoder.fit(rows, GraphFeederParams(u_column="buyer", v_column="seller")).graph(rows)
    assert [list(ids) for ids in made.ids] == [["b", "c"], ["x", "z"]]
    assert made.graph.edge_index.tolist() == [[0, 1], [0, 1]]


@pytest.mark.parametrize(
    ("pairs", "errors"),
    [
        (
            [("a", None), ("b", None)],
            {"v_column": ["seller has no value in any row: fill it in or name another column"]},
        ),
        ([(None, "x")], {"u_column": ["buyer has no value in any row: fill it in or name another column"]}),
        (
            [("a", None), (None, "x")],
            {
                "u_column": ["no row has both a buyer and a seller: name other columns"],
                "v_column": ["no row has both a buyer and a seller: name other columns"],
            },
        ),
        ([], {"file": ["has no rows"]}),
    ],
)
def test_data_without_a_single_pair_are_refused(pairs, errors):
    rows = ends(*pairs)
    encoder = GraphEncoder.fit(rows, GraphFeederParams(u_column="buyer", v_column="seller"))
    with pytest.raises(DataError) as failure:
        encoder.graph(rows)
    assert failure.value.errors == errors


@pytest.mark.parametrize(
    ("feeder", "fields"),
    [({"u_column": "buyer"}, {"v_column"}), ({"v_column": "seller"}, {"u_column"}), ({}, {"u_column", "v_column"})],
)
def test_u_and_v_must_be_named(interactions, feeder, fields):
    with pytest.raises(DataError, match="is not set: name the column") as failure:
        GraphEncoder.fit(interactions, GraphFeederParams(**feeder))
    assert failure.value.errors.keys() == fields


def test_a_stored_encoder_makes_the_same_graph(encoder, interactions):
    stored = json.loads(json.dumps(encoder.to_dict()))
    again = GraphEncoder.from_dict(stored)
    assert again == encoder
    assert again.graph(interactions).graph.x.u.tolist() == encoder.graph(interactions).graph.x.u.tolist()


def test_another_format_is_refused(encoder):
    with pytest.raises(ArtifactIncompatible, match="format 99"):
        GraphEncoder.from_dict(encoder.to_dict() | {"format": 99})


ROW = {"buyer": "ann", "seller": "x", "order": 1, "place": "p", "amount": 3}


class TestRows:
    def test_rows_of_json_give_the_graph_of_the_file(self, encoder, interactions):
        columns = {"buyer": BUYERS, "seller": SELLERS, "order": [int(o) for o in ORDERS], "place": PLACES}
        amounts = [None if np.isnan(amount) else amount for amount in AMOUNTS]
        rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
        rows = [row | {"amount": amount, "fraud": "no"} for row, amount in zip(rows, amounts, strict=True)][:4]
        made, expected = encoder.graph(encoder.interactions_of_rows(rows)), encoder.graph(interactions)
        assert [list(ids) for ids in made.ids] == [list(ids) for ids in expected.ids]
        assert [part.tolist() for part in made.graph.x] == [part.tolist() for part in expected.graph.x]

    def test_a_number_and_its_text_are_one_id_and_leading_zeros_are_another(self, encoder):
        rows = encoder.interactions_of_rows([ROW | {"buyer": buyer} for buyer in (7, "7", 7.0, "007", 2.5, "2.5")])
        assert rows.coded["buyer"].codes.tolist() == [0, 0, 0, 1, 2, 2]
        assert list(rows.coded["buyer"].texts) == ["7", "007", "2.5"]

    def test_long_numbers_are_not_rounded(self, encoder):
        rows = encoder.interactions_of_rows([ROW | {"buyer": buyer} for buyer in (2**53, 2**53 + 1)])
        assert list(rows.coded["buyer"].texts) == ["9007199254740992", "9007199254740993"]

    def test_null_is_missing_but_for_the_ends(self, encoder):
        rows = encoder.interactions_of_rows([ROW | {"order": None, "place": None, "amount": None}])
        assert rows.coded["order"].codes.tolist() == rows.coded["place"].codes.tolist() == [-1]
        assert np.isnan(rows.numbers["amount"]).all()

    @pytest.mark.parametrize(
        ("change", "errors"),
        [
            ({"buyer": None}, {"buyer": ["row 2: has no id: an interaction needs a buyer and a seller"]}),
            ({"seller": " NA "}, {"seller": ["row 2: has no id: an interaction needs a buyer and a seller"]}),
            ({"buyer": True}, {"buyer": ["row 2: expects a number or text, got True"]}),
            ({"order": [1]}, {"order": ["row 2: expects a number or text, got [1]"]}),
            ({"amount": "3"}, {"amount": ["row 2: expects a number, got '3'"]}),
            ({"amount": float("inf")}, {"amount": ["row 2: expects a finite number, within ±1.8e308"]}),
            (
                {"colour": "red"},
                {"colour": ["row 2: unknown field; allowed are buyer, seller, order, place, amount, fraud"]},
            ),
        ],
    )
    def test_what_does_not_fit_is_refused_by_field_and_row(self, encoder, change, errors):
        with pytest.raises(RowsInvalid) as failure:
            encoder.interactions_of_rows([ROW, ROW | change])
        assert failure.value.errors == errors

    @pytest.mark.parametrize("field", ROW)
    def test_a_column_the_model_was_trained_on_is_needed(self, encoder, field):
        with pytest.raises(RowsInvalid) as failure:
            encoder.interactions_of_rows([{name: value for name, value in ROW.items() if name != field}])
        assert failure.value.errors == {field: ["row 1: missing; send null for an unknown value"]}

    def test_no_rows_are_refused(self, encoder):
        with pytest.raises(RowsInvalid, match="no rows were sent"):
            encoder.interactions_of_rows([])

    def test_a_column_may_be_counted_and_summed(self):
        feeder = GraphFeederParams(
            u_column="buyer", v_column="seller", count_distinct=["amount"], numeric_columns=["amount"]
        )
        amounts = np.array([2.0, 2.0, 3.0])
        training = Interactions(
            3, {"buyer": Coded.of("aab"), "seller": Coded.of("xxx"), "amount": Coded.of("223")}, {"amount": amounts}
        )
        encoder = GraphEncoder.fit(training, feeder)
        rows = [{"buyer": u, "seller": "x", "amount": amount} for u, amount in zip("aab", (2, 2.0, 3), strict=True)]
        made = encoder.graph(encoder.interactions_of_rows(rows))
        assert made.graph.x.e.tolist() == encoder.graph(training).graph.x.e.tolist() == [[1, 4, 2], [1, 3, 3]]


@pytest.mark.parametrize(
    ("texts", "kept"),
    [
        (["c", "b", "a", "d"], ("a", "b")),  # all as frequent: those that sort first
        (["c", "b", "a", "c", "d"], ("c", "a")),
        (["b", None, None, "a"], (None, "a")),
        (["a", None], ("a", None)),  # the missing one after its equals
        (["", "a", ""], ("", "a")),
        ([None, None], (None,)),
    ],
)
def test_the_most_frequent_categories_are_kept(texts, kept):
    n = len(texts)
    cells = {"u": Coded.of(["p"] * n), "v": Coded.of(["q"] * n), "k": Coded.of(texts)}
    feeder = GraphFeederParams(u_column="u", v_column="v", encode_column=["k"], vocab_size=2)
    assert GraphEncoder.fit(Interactions(n, cells, {}, ("u", "v", "k")), feeder).categories["k"] == kept
