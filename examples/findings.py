"""Prints what a training found: the measures, and what is most anomalous with the reasons."""

from collections.abc import Mapping
from typing import Any

TOP_COLUMNS = 3
"""Columns named for each finding: those with the largest shares of its score."""
TOP_OF_A_PART = 5
"""Pairs, u and v shown of a graph."""


def show_result(result: Mapping[str, Any]) -> None:
    """Print the metrics, the threshold and the most anomalous rows with the columns that make them so."""
    print("Metrics")
    for name, value in result["metrics"].items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            print(f"  {name:<28}{value:,.4f}" if isinstance(value, float) else f"  {name:<28}{value:,}")
        elif name == "confusion_matrix":
            print(f"  {name:<28}{readable(value)}")
    threshold = result["threshold"]
    print(f"\nThreshold  {threshold['value']:.4f}  (rule: {threshold['rule']}; a higher score is an anomaly)")
    print(f"\nThe {len(result['top_anomalies'])} most anomalous rows, and the columns that make them so")
    for found in result["top_anomalies"]:
        _show_finding(f"row {found['row']:<8,}", found)


def show_graph_result(result: Mapping[str, Any], u: str, v: str) -> None:
    """Print the graph, how well u, v and pairs are ranked beside the baselines, and the most anomalous of each."""
    for node, sizes in result["graph"].items():
        print(
            f"Graph of {node}: {sizes['u']:,} u, {sizes['v']:,} v, {sizes['e']:,} pairs from {sizes['rows']:,} rows"
            f" ({sizes['left_out']:,} left out)"
        )
    metrics = result["metrics"]
    if metrics["baselines"]:  # there are labels
        print(f"\nROC-AUC / average precision on {metrics['evaluated_on']:<18}{'u':>16}{'v':>16}{'pairs':>16}")
        for name, parts in {"graphbean": metrics, **metrics["baselines"]}.items():
            print(f"  {name:<50}" + "".join(f"{_quality(parts[part]):>16}" for part in "uve"))
    for part, title in (("e", f"pairs of {u} and {v}"), ("u", u), ("v", v)):
        threshold = result["threshold"][part]
        print(f"\nThe most anomalous {title}, and what makes them so  (threshold {threshold:.4f})")
        for found in result["top_anomalies"][part][:TOP_OF_A_PART]:
            _show_finding(f"{_who(found):<29}", found)


def show_verdicts(answer: Mapping[str, Any], u: str) -> None:
    """Print the verdict of a prediction on one u, and on its most anomalous pairs."""
    pairs = {row["v"]: row for row in answer["rows"] if row["u"] == u}
    highest = sorted(pairs.values(), key=lambda row: -row["score"])[:TOP_OF_A_PART]
    for verdict in [*(row for row in answer["u"] if row["id"] == u), *highest]:
        said = "an anomaly" if verdict["anomaly"] else "normal"
        reason = max(verdict["contributions"], key=verdict["contributions"].get)
        who = verdict["id"] if "id" in verdict else _who(verdict)
        print(f"  {who:<29} score {verdict['score']:<10,.4f}{said:<12}{reason}"[:100])


def _show_finding(who: str, found: Mapping[str, Any]) -> None:
    label = "" if found.get("label") is None else f"  label {found['label']}"
    print(f"  {who} score {found['score']:<10,.4f}{label}")
    largest = sorted(found["contributions"].items(), key=lambda item: -item[1])[:TOP_COLUMNS]
    for column, contribution in largest:
        share = contribution / found["score"] if found["score"] else 0.0
        beside = ""
        if column in found["values"]:
            actual = readable(found["values"][column])
            expected = readable(found["expected"].get(column))
            beside = f" is {actual[:22]:<22} expected {expected[:22]}"
        print(f"    {share:4.0%}  {column[:30]:<30}{beside}")


def _who(found: Mapping[str, Any]) -> str:
    """Return the ids of a node, or of both ends of a pair."""
    return " – ".join(str(found[side])[:13] for side in "uv" if side in found)


def _quality(measured: Mapping[str, Any]) -> str:
    roc_auc, precision = measured.get("roc_auc"), measured.get("average_precision")
    return "–" if roc_auc is None or precision is None else f"{roc_auc:.3f} / {precision:.3f}"


def readable(value: Any) -> str:
    """Return a value as a person writes it."""
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {readable(count)}" for name, count in value.items())
    return "empty" if value is None else str(value)
