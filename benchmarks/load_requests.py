"""Requests a second and their latency, with wrk."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.service import Service, train_network

NEEDED = "wrk is not installed: apt-get install -y wrk"
NETWORK = "bench"
STATE = f"wf/target/state/nnid/{NETWORK}/wfver/1/"
PREDICT = f"service/state/predict/type/anomaly/nnid/{NETWORK}/ver/active/"
WARM_UP_SECONDS = 2
PATIENCE_SECONDS = 60
"""After which wrk counts an answer as missing: never here, its own two seconds might pass with 64 clients."""

ANSWER = """
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "max": %d, "status": %d, "other": %d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
"""


def measure_requests(service: Service, folder: Path, clients: Sequence[int], seconds: int) -> dict[str, Any]:
    """Return rate and latency of state and predict, by number of clients; `errors` says what was not answered well."""
    train_network(service)
    row = service.call("GET", f"result/nnid/{NETWORK}/ver/1/")["top_anomalies"][0]["values"]
    service.call("GET", STATE)
    service.call("POST", PREDICT, json={"input_data": row})
    headers = {
        name: str(service.session.headers[name])
        for name in ("Accept", "Authorization")
        if name in service.session.headers
    }
    measured: list[dict[str, Any]] = []
    for name, path, body in (("state", STATE, None), ("predict", PREDICT, json.dumps({"input_data": row}))):
        lua = folder / f"{name}.lua"
        lua.write_text(script(headers, body))
        for count in clients:
            ask(f"{service.api}/{path}", lua, count, min(WARM_UP_SECONDS, seconds))
            measured.append({"request": name, "clients": count, **ask(f"{service.api}/{path}", lua, count, seconds)})
    errors = [f"{row['errors']} of {row['request']} with {row['clients']} clients" for row in measured if row["errors"]]
    return {"measured": measured, "errors": errors}


def script(headers: Mapping[str, str], body: str | None) -> str:
    """Return wrk's script: what each request is, and what is told in the end."""
    lines = [f"wrk.headers[{quoted(name)}] = {quoted(value)}" for name, value in headers.items()]
    if body is not None:
        lines += [
            'wrk.method = "POST"',
            'wrk.headers["Content-Type"] = "application/json"',
            f"wrk.body = {quoted(body)}",
        ]
    return "\n".join(lines) + ANSWER


def quoted(text: str) -> str:
    """Return a text as Lua writes it."""
    escaped = "".join(
        f"\\{byte:03d}" if chr(byte) in '\\"' or not 32 <= byte < 127 else chr(byte) for byte in text.encode()
    )
    return f'"{escaped}"'


def ask(url: str, lua: Path, clients: int, seconds: int) -> dict[str, Any]:
    """Let so many clients ask for so many seconds; `errors` counts answers of 400 and above, and those that failed."""
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", f"--timeout={PATIENCE_SECONDS}s", "-s", str(lua), url]
    return figures(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def figures(output: str) -> dict[str, Any]:
    """Return what wrk's script told, the last line of its output."""
    told = json.loads(output.strip().splitlines()[-1])
    return {
        "requests/s": told["requests"] / told["microseconds"] * 1e6,
        "p50 ms": told["p50"] / 1000,
        "p99 ms": told["p99"] / 1000,
        "max ms": told["max"] / 1000,
        "errors": told["status"] + told["other"],
    }
