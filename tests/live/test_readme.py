"""The README's calls of the graph section, run as they stand."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

REPOSITORY = Path(__file__).resolve().parents[2]
SECTION = (REPOSITORY / "README.md").read_text().split("## Interactions as a graph", 1)[1].split("\n## ", 1)[0]
README_URL = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def printed(service: Any) -> list[str]:
    """Give what the section's Python prints when it is run in the repository."""
    (program,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
    assert README_URL in program
    done = subprocess.run(
        [sys.executable, "-c", program.replace(README_URL, service.url)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_its_python_trains_and_prints_the_most_anomalous_pairs(printed: list[str]) -> None:
    assert len(printed) == 10
    assert all("because of" in line for line in printed)


def test_its_curl_calls_are_answered(service: Any, printed: list[str]) -> None:
    (commands,) = re.findall(r"```bash\n(.*?)```", SECTION, re.DOTALL)
    base = f"{service.url}/api/v1/type"
    paths = re.findall(r"\$base(/[^\s\"]+)", commands)
    assert len(paths) == 3
    for path in paths[:2]:
        assert requests.get(base + path, timeout=30).status_code == 200
    (body,) = re.findall(r"-d '(.*?)'", commands, re.DOTALL)
    response = requests.post(base + paths[2], json=json.loads(body), headers={"Accept": "application/json"}, timeout=30)
    assert response.status_code == 200, response.text
    assert [row["u"] for row in response.json()["rows"]] == ["PRV-NEW", "PRV-NEW"]
