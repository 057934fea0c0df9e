"""A month in the life of a model, over the API: train, score the daily files, see the data move, steer, train again,
compare, promote, roll back. What the service kept is what was sent."""

import csv
import io
from random import Random
from typing import Any

import pytest

from examples.make_steel_csv import LABEL, SEED, cast
from tests.live.conftest import wait_for
from tests.live.guide import Client

NN = "month"
NETWORK = f"common/target/nninfo/nnid/{NN}/"
ROWS_A_DAY = 1_200
NETCONF = {"n_hidden": [32, 8], "iter": 12, "batch_size": 64, "contamination": 0.02}


def slabs(rows: int, seed: int, *, moved: bool = False) -> list[dict[str, Any]]:
    """Return slabs, every fiftieth with a wild temperature; `moved`: all are cast slower and hotter."""
    random = Random(SEED + seed)
    made = []
    for number in range(rows):
        slab = cast(random)
        if moved:
            slab["TUNDISH_TEMP_C"] += 14
            slab["CAST_SPEED_M_MIN"] *= 0.85
        slab[LABEL] = int(number % 50 == 49)
        if slab[LABEL]:
            slab["TUNDISH_TEMP_C"] += 300
        made.append(slab)
    return made


def csv_of(rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


class Month(Client):
    """The calls of this network."""

    def path(self, kind: str, version: Any) -> str:
        return {
            "data": f"wf/state/framedata/src/local/form/raw/prg/source/nnid/{NN}/ver/{version}/node/datasrc/",
            "feeder": f"wf/state/pre/detail/feed/src/frame/net/autoencoder/nnid/{NN}/ver/{version}/node/feed_train/",
            "netconf": f"wf/state/netconf/detail/autoencoder/nnid/{NN}/ver/{version}/node/netconf_node/",
            "eval": f"wf/state/eval/nnid/{NN}/ver/{version}/node/eval_node/",
            "train": f"runmanager/state/train/nnid/{NN}/ver/{version}/",
            "result": f"result/nnid/{NN}/ver/{version}/",
            "predict": f"service/state/predict/type/anomaly/nnid/{NN}/ver/{version}/",
            "batch": f"service/state/batch/nnid/{NN}/ver/{version}/",
            **{
                kind: f"service/monitering/type/{kind}/nnid/{NN}/ver/{version}/"
                for kind in ("drift", "feedback", "prediction", "rule", "contribution")
            },
        }[kind]

    def new_version(self, rows: list[dict[str, Any]]) -> int:
        """Make a version, upload the rows, and train it."""
        number: int = self.post(f"{NETWORK}version/", json={"nn_wf_ver_info": "steel"})
        self.post(f"wf/target/init/mode/simple/{NN}/wfver/{number}/", json={"type": "autoencoder_csv"})
        self.post(self.path("data", number), files={"file": ("train.csv", csv_of(rows))})
        self.post(self.path("feeder", number), json={"label_column": LABEL, "train_on": "normal"})
        self.post(self.path("netconf", number), json=NETCONF)
        self.post(self.path("train", number))
        wait_for(lambda: self.get(self.path("train", number))["state"] not in ("queued", "running"), seconds=120)
        assert self.get(self.path("train", number))["state"] == "succeeded"
        return number

    def activate(self, number: int) -> None:
        body = {"nn_wf_ver_id": number, "active_flag": "Y"}
        assert self.call("PUT", f"{NETWORK}version/", json=body).status_code == 200

    def score(self, rows: list[dict[str, Any]], version: Any = "active") -> dict[str, Any]:
        """Score a daily file; return the job when it has ended."""
        sent = self.post(self.path("batch", version), files={"file": ("day.csv", csv_of(rows))}, data={"keep": [LABEL]})
        place = f"{self.path('batch', sent['nn_wf_ver_id'])}batch/{sent['batch']}/"
        wait_for(lambda: self.get(place)["state"] not in ("queued", "running"), seconds=90)
        job: dict[str, Any] = self.get(place)
        assert job["state"] == "succeeded", job["error"]
        return job

    def rows_of(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        """Return all scored rows of a job, in the order of the file."""
        place = f"{self.path('batch', job['nn_wf_ver_id'])}batch/{job['batch']}/scores/?sort=row&page_size=1000"
        return [row for page in (1, 2) for row in self.get(f"{place}&page={page}")["scores"]]


def without_label(slab: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in slab.items() if name != LABEL}


@pytest.fixture(scope="module")
def month(service: Any) -> Month:
    month = Month(service.url)
    month.post(NETWORK, json={"biz_cate": "MES"})
    return month


def test_a_month_in_the_life_of_a_model(month: Month) -> None:
    first = month.new_version(slabs(4_000, seed=0))
    month.activate(first)

    # Four daily files; on the third day the process has moved.
    days = [slabs(ROWS_A_DAY, seed=day, moved=day >= 3) for day in (1, 2, 3, 4)]
    jobs = [month.score(day) for day in days[:3]]
    drift = month.get(month.path("drift", first) + "?by=batch")
    verdicts = [window["verdict"] for window in reversed(drift["windows"])]
    assert verdicts == ["stable", "stable", "retrain"]
    assert drift["verdict"] == "retrain"
    assert set(drift["moved"][:2]) == {"TUNDISH_TEMP_C", "CAST_SPEED_M_MIN"}

    # The alarms of the first day are looked into, and what they were is told.
    rows = month.rows_of(jobs[0])
    assert [int(row["kept"][LABEL]) for row in rows] == [slab[LABEL] for slab in days[0]]
    alarms = [row for row in rows if row["anomaly"]]
    assert len(alarms) == jobs[0]["summary"]["anomalies"]
    words = [{"row_id": row["row_id"], "label": int(row["kept"][LABEL])} for row in alarms]
    assert month.post(month.path("feedback", first), json={"feedback": words})["kept"] == len(words)
    figures = month.get(month.path("feedback", first))["all"]
    assert figures["rows"] == len(alarms)
    assert figures["true_positives"] == sum(word["label"] for word in words) > 0
    assert figures["precision"] == pytest.approx(sum(word["label"] for word in words) / len(words))
    assert (figures["scored"], figures["flagged"]) == (
        3 * ROWS_A_DAY,
        sum(job["summary"]["anomalies"] for job in jobs),
    )

    # Fewer alarms are wanted: the verdict changes without training, and says so.
    before = jobs[2]["threshold_id"]
    assert (
        month.call("PUT", month.path("eval", first), json={"threshold_rule": "top_k", "top_k": 10}).status_code == 200
    )
    fourth = month.score(days[3])
    assert fourth["threshold_id"] != before
    assert fourth["summary"]["anomalies"] == 10
    rules = month.get(month.path("rule", first))
    assert [rule["threshold_id"] for rule in rules] == [fourth["threshold_id"], before]
    assert [rule["in_force"] for rule in rules] == [True, False]

    # Single rows are asked for too, by name; the log has exactly these.
    names = [f"slab-{number}" for number in range(20)]
    asked = [without_label(slab) for slab in days[3][:20]]
    answer = month.post(month.path("predict", "active"), json={"input_data": asked, "row_ids": names, "explain": True})
    assert [row["row_id"] for row in answer["rows"]] == names
    assert all(row["explanation"][0]["text"] for row in answer["rows"])
    log = month.path("prediction", first) + "?source=predict"
    wait_for(lambda: month.get(log)["count"] == len(names), seconds=20)
    logged = {row["row_id"]: row for row in month.get(log)["rows"]}
    assert {name: row["score"] for name, row in logged.items()} == {
        row["row_id"]: row["score"] for row in answer["rows"]
    }
    assert logged[names[0]]["values"] == asked[0]
    stored = {row["row"]: row["score"] for row in month.rows_of(fourth)[:20]}
    assert list(stored.values()) == pytest.approx([row["score"] for row in answer["rows"]], rel=1e-6)

    # Trained again with what the process has become, compared, promoted.
    second = month.new_version(slabs(2_000, seed=9) + slabs(2_000, seed=10, moved=True))
    again = month.score(days[3], second)
    assert again["nn_wf_ver_id"] == second
    old, new = (month.get(month.path("drift", version) + "?by=batch")["windows"][0] for version in (first, second))
    assert (old["verdict"], new["verdict"]) == ("retrain", "retrain"), "all of the day has moved, half of the training"
    means = [job["summary"]["score"]["mean"] for job in (fourth, again)]
    assert means[1] < means[0], "the new model knows such slabs"
    results = [month.get(month.path("result", version)) for version in (first, second)]
    assert all(result["metrics"]["roc_auc"] > 0.9 for result in results)
    month.activate(second)
    assert month.post(month.path("predict", "active"), json={"input_data": asked[0]})["run"] == results[1]["id"]

    # And rolled back: the first model answers as before, by its own rule.
    month.activate(first)
    back = month.post(month.path("predict", "active"), json={"input_data": asked[0]})
    assert (back["run"], back["threshold_id"]) == (results[0]["id"], fourth["threshold_id"])
    assert back["rows"][0]["score"] == answer["rows"][0]["score"]
    assert [job["batch"] for job in month.get(month.path("batch", first))] == [4, 3, 2, 1]
    trend = month.get(month.path("contribution", first) + "?by=batch")
    assert set(trend["training"]) == set(results[0]["columns"])
