"""How rows of predict answers are called: drawn, and never like those of scoring jobs, `{job}-{row}`."""

import secrets
from collections.abc import Sequence
from typing import Any


def name_rows(answers: Sequence[dict[str, Any]]) -> None:
    """Give each scored row that has none an id that no other row has."""
    request = f"p{secrets.token_hex(8)}"
    for number, answer in enumerate(answers):
        if "score" in answer:
            answer.setdefault("row_id", f"{request}-{number}")
