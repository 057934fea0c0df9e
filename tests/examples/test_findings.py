from examples import findings

RESULT = {
    "metrics": {"evaluated_on": "datasrc", "rows": 4000, "roc_auc": 0.97312, "confusion_matrix": {"tn": 3713, "fp": 2}},
    "threshold": {"value": 0.18012, "rule": "contamination"},
    "top_anomalies": [
        {
            "row": 2538,
            "score": 2.0,
            "label": 1,
            "values": {"MN_PCT": 13.38, "GRADE": "X70" * 30, "EMPTY": None, "C" * 200: 1},
            "contributions": {"MN_PCT": 1.0, "GRADE": 0.5, "EMPTY": 0.4, "C" * 200: 0.1},
            "expected": {"MN_PCT": 1.191, "GRADE": "X65" * 30, "EMPTY": 2.0, "C" * 200: 1},
        }
    ],
}


def test_a_row_is_shown_with_the_columns_that_make_it_anomalous(capsys):
    findings.show_result(RESULT)
    lines = capsys.readouterr().out.splitlines()
    assert "  row 2,538    score 2.0000      label 1" in lines
    shares = [line.split()[0] for line in lines if "%" in line]
    assert shares == ["50%", "25%", "20%"]
    assert any("MN_PCT" in line and "is 13.38" in line and "expected 1.191" in line for line in lines)
    assert any("EMPTY" in line and "is empty" in line for line in lines)


def test_what_it_prints_fits_into_a_hundred_columns(capsys):
    findings.show_result(RESULT)
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) <= 100


FOUND = {"rows": 3, "score": 4.0, "anomaly": True, "label": 1}
QUALITY = {"roc_auc": 0.91234, "average_precision": 0.5}
GRAPH_RESULT = {
    "graph": {"datasrc": {"u": 1200, "v": 30, "e": 4000, "rows": 5000, "left_out": 12}},
    "metrics": {
        "evaluated_on": "datasrc",
        **dict.fromkeys("uve", QUALITY),
        "baselines": {"degree": {"u": QUALITY, "v": {"roc_auc": None, "average_precision": None}, "e": QUALITY}},
    },
    "threshold": {"value": 1.5, "u": 0.5, "v": 2.0, "e": 1.5},
    "top_anomalies": {
        "u": [
            FOUND
            | {
                "u": "P" * 90,
                "contributions": {"sum PAID": 3.0, "its edges (max)": 1.0},
                "values": {"sum PAID": 9000.0},
                "expected": {"sum PAID": 120.5},
            }
        ]
        * 10,
        "v": [],
        "e": [
            FOUND
            | {
                "u": "p7",
                "v": "d1",
                "label": None,
                "contributions": {"sum PAID": 1.0, "structure": 3.0},
                "values": {"sum PAID": 9000.0},
                "expected": {"sum PAID": 120.5},
            }
        ],
    },
}


def test_a_graph_is_shown_with_its_size_and_the_baselines_beside_the_model(capsys):
    findings.show_graph_result(GRAPH_RESULT, "Person", "Doctor")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Graph of datasrc: 1,200 u, 30 v, 4,000 pairs from 5,000 rows (12 left out)"
    model, degree = (next(line.split() for line in lines if word in line) for word in ("  graphbean ", "  degree "))
    assert model[1:4] == ["0.912", "/", "0.500"]
    assert degree[1:] == ["0.912", "/", "0.500", "–", "0.912", "/", "0.500"]


def test_a_pair_is_shown_with_both_ids_and_its_reasons_by_falling_share(capsys):
    findings.show_graph_result(GRAPH_RESULT, "Person", "Doctor")
    lines = capsys.readouterr().out.splitlines()
    title = lines.index("The most anomalous pairs of Person and Doctor, and what makes them so  (threshold 1.5000)")
    assert lines[title + 1].split() == ["p7", "–", "d1", "score", "4.0000"]
    assert lines[title + 2].split() == ["75%", "structure"]
    assert lines[title + 3].split() == ["25%", "sum", "PAID", "is", "9,000", "expected", "120.5"]


def test_what_it_prints_of_a_graph_fits_into_a_hundred_columns(capsys):
    findings.show_graph_result(GRAPH_RESULT, "Person", "Doctor")
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines) <= 100
    assert sum("PPPPP" in line for line in lines) == 5, "the first five are shown"


def test_the_verdicts_on_a_node_and_its_pairs_name_the_largest_reason(capsys):
    low = {"score": 0.5, "anomaly": False, "contributions": {"sum PAID": 0.4, "structure": 0.1}}
    high = {"score": 7.0, "anomaly": True, "contributions": {"sum PAID": 1.0, "structure": 6.0}}
    answer = {
        "rows": [
            {"u": "new", "v": "d1", **low},
            {"u": "p1", "v": "d1", **high},
            {"u": "new", "v": "d2", **high},
            {"u": "new", "v": "d2", **high},
        ],
        "u": [{"id": "p1", **low}, {"id": "new", **high}],
    }
    findings.show_verdicts(answer, "new")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["new", "score", "7.0000", "an", "anomaly", "structure"],
        ["new", "–", "d2", "score", "7.0000", "an", "anomaly", "structure"],
        ["new", "–", "d1", "score", "0.5000", "normal", "sum", "PAID"],
    ]
