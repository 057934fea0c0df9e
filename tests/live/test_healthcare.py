"""The six steps of the GraphBEAN article on real health claims, through the API."""

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.graph_guide import GraphClient, csv_of, json_rows

COLUMNS = ("ClaimID", "BeneID", "AttendingPhysician", "Provider", "InscClaimAmtReimbursed", "PotentialFraud")
CLAIMS = 5000
FEEDER = {
    "u_column": "BeneID",
    "v_column": "AttendingPhysician",
    "count_distinct": ["ClaimID", "Provider"],
    "numeric_columns": ["InscClaimAmtReimbursed"],
    "label_column": "PotentialFraud",
}
PLANTED = {"num_group": 5, "num_nodes_range": [1, 20], "num_nodes_range2": [1, 6]}


def claims_of(folder: Path) -> Iterator[list[Any]]:
    """Yield the claims with the label of their provider and a number for their amount."""
    with (folder / "Train-1542865627584.csv").open(newline="") as file:
        fraud = {row["Provider"]: row["PotentialFraud"] for row in csv.DictReader(file)}
    with gzip.open(folder / "Train_Inpatientdata-1542865627584.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            row["PotentialFraud"] = fraud[row["Provider"]]
            row["AttendingPhysician"] = row["AttendingPhysician"].removesuffix("NA")  # not given
            yield [float(row[name]) if name == "InscClaimAmtReimbursed" else row[name] for name in COLUMNS]


@pytest.mark.shared_data
def test_the_six_steps_of_the_article(service: Any, shared_data: Path) -> None:
    rows = [row for row, _ in zip(claims_of(shared_data / "healthcare"), range(CLAIMS), strict=False)]
    client = GraphClient(service.url, "healthcare")
    client.create()

    # 1 the claims become a graph, 2 anomalies are planted, 3 the network is trained, 4 it is evaluated
    client.upload(csv_of(rows, COLUMNS))
    client.put(client.feeder, FEEDER)
    client.put(client.netconf, {"iter": 40, "inject_anomalies": PLANTED})
    client.train(seconds=300)
    result = client.get(client.result)
    connected = [row for row in rows if row[1] and row[2]]
    graph = result["graph"]["datasrc"]
    assert graph["u"] == len({row[1] for row in connected})
    assert graph["v"] == len({row[2] for row in connected})
    assert graph["e"] == len({(row[1], row[2]) for row in connected})
    assert graph["left_out"] == len(rows) - len(connected) > 0
    assert [len(result["attributes"][part]) for part in "uve"] == [5, 5, 4]
    assert len(result["loss_history"]) == 40
    planted = result["metrics"]["planted"]
    for part, least in (("u", 0.9), ("v", 0.9), ("e", 0.85)):
        assert planted[part]["anomalies"] > 0
        assert planted[part]["roc_auc"] > least
        assert planted["baselines"]["degree"][part]["roc_auc"] > 0
        assert 0 < result["metrics"][part]["anomalies"] < graph[part], "the label of the claims, lifted"
        assert result["metrics"]["rmse"][part]["all"] > 0

    # 5 the score tables
    for part in "uve":
        assert client.get(f"{client.scores}?part={part}&page_size=1")["count"] == graph[part]
        page = client.get(f"{client.scores}?part={part}&page_size=1000")
        assert sum(row["anomaly"] for row in page["scores"]) == pytest.approx(0.05 * page["count"], abs=1)
    pairs = client.get(f"{client.scores}?node=planted&page_size=100")["scores"]
    assert sum(row["label"] for row in pairs) > 30, "of the 100 first most are planted"

    # 6 new claims, one of them by an unknown physician
    new = json_rows(connected[:500], COLUMNS)
    new.append(new[0] | {"AttendingPhysician": "PHY-NEW", "InscClaimAmtReimbursed": 1e6})
    answer = client.predict(new).json()
    assert answer["rows"][-1]["anomaly"] is True
    assert len(answer["rows"]) == 501
    assert "PHY-NEW" in {row["id"] for row in answer["v"]}
