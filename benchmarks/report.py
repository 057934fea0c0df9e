"""How benchmarks report: a table for people, JSON with the machine's description for machines."""

import argparse
import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from algorithms.artifacts import library_versions


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the option every benchmark has."""
    arguments = argparse.ArgumentParser(prog=f"bench {name}", description=description)
    arguments.add_argument("--json", type=Path, metavar="FILE", help="also write the result, and the machine, to FILE")
    return arguments


def machine() -> dict[str, Any]:
    """Return what the numbers depend on: processor, cores this process may use, load before it, versions."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": os.getloadavg()[0],
        "system": platform.platform(),
        "libraries": library_versions(),
    }


def print_table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under headers; texts to the left, numbers to the right."""
    cells = [[_shown(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
    numeric = [not isinstance(value, str) for value in rows[0]]
    for line in (list(headers), ["-" * width for width in widths], *cells):
        aligned = (
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        )
        print("  ".join(aligned).rstrip())


def write_json(path: Path | None, name: str, described: dict[str, Any], result: Any) -> None:
    """Write the result of a benchmark to a file, if one was asked for."""
    if path is None:
        return
    report = {"benchmark": name, "at": datetime.now(UTC).isoformat(), "machine": described, "result": result}
    path.write_text(json.dumps(report, indent=1) + "\n")


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 0.01 else f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
