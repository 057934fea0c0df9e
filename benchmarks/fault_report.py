"""What a fault campaign tells."""

from typing import Any

from benchmarks.report import print_table


def is_told(error: str) -> bool:
    """Tell whether an error says that too many attempts were cut off, or that the disk was full."""
    return "attempts were cut off" in error or "disk" in error


def report(result: dict[str, Any]) -> None:
    """Print the campaign."""
    faults, runs = result["faults"], result["runs"]
    print_table(["fault", "times"], [*sorted(faults.items()), ("all", sum(faults.values()))])
    print()
    print_table(["runs", ""], list(runs.items()))
    print(f"\nslowest: {result['slowest seconds']}; answers: {result['answers']}; {result['seconds']} s")
    for failure in result["failures"]:
        print(f"BROKEN: {failure}")
