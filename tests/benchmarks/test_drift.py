import json

import numpy as np
import pandas as pd
import pytest

from benchmarks.drift import main, with_attacks, with_bytes, with_services


@pytest.fixture
def rows():
    services = np.repeat(["http", "smtp", "ftp", "finger"], [400, 300, 200, 100])
    return pd.DataFrame({"service": services, "src_bytes": 10.0, "dst_bytes": 20.0})


def test_the_services_of_a_share_of_the_rows_become_seldom_ones(rows):
    changed = with_services(rows, 0.5, np.random.default_rng(0))
    assert 0.4 < (changed["service"] != rows["service"]).mean() < 0.55
    assert set(changed["service"][changed["service"] != rows["service"]]) == {"ftp", "finger"}


def test_bytes_are_scaled_both_ways(rows):
    changed = with_bytes(rows, 10)
    assert (changed["src_bytes"].mean(), changed["dst_bytes"].mean()) == (100.0, 200.0)


def test_attacks_take_the_place_of_rows(rows):
    attacks = rows.head(300).assign(service="telnet")
    mixed = with_attacks(rows, attacks, 0.2, np.random.default_rng(0))
    assert len(mixed) == 1000
    assert (mixed["service"] == "telnet").mean() == 0.2


@pytest.mark.shared_data
@pytest.mark.usefixtures("shared_data")
def test_it_measures_alarms_shifts_and_speed(tmp_path, capsys):
    main(["--quick", "--json", str(tmp_path / "drift.json")])
    found = json.loads((tmp_path / "drift.json").read_text())["result"]["seed 0"]
    assert found["normal"]["windows"] == 20
    assert found["normal"]["alarm_share"] <= 0.05
    assert set(found["shifted"]["service, bytes x10, 20 % attacks"]["first"]) == {"service", "src_bytes", "dst_bytes"}
    assert found["speed"]["rows"] == 65_536
    assert "src_bytes" in capsys.readouterr().out
