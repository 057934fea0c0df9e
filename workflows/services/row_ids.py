"""What a scored row is called, so that feedback can name it: by the client, or at random."""

import os
import re
from collections import Counter
from collections.abc import Sequence

from workflows.errors import Invalid

BYTES = 8
"""Of a random id: among a thousand million rows, two of one id are as likely as 1 to 40."""
LONGEST = 64
OF_A_SCORING_JOB = re.compile(r"\A\d+-\d+\Z")
"""{number of the job}-{row}"""


def drawn_ids(rows: int) -> list[str]:
    """Return a random id for each row, 16 hexadecimal digits."""
    digits = os.urandom(BYTES * rows).hex()
    return [digits[start : start + 2 * BYTES] for start in range(0, len(digits), 2 * BYTES)]


def require_ids(given: Sequence[str], rows: int) -> Sequence[str]:
    """Return the ids that a client gives to its rows.

    Raises:
        Invalid: there are not as many as rows, one is given twice, too long, empty, or that of a row of a scoring job.
    """
    why = _refusal(given, rows)
    if why is not None:
        raise Invalid(f"row_ids: {why}", {"row_ids": [why]})
    return given


def _refusal(given: Sequence[str], rows: int) -> str | None:
    if len(given) != rows:
        return f"{len(given)} ids for {rows} rows: give each row its own, or leave row_ids out"
    if len(set(given)) != len(given):
        (twice, _), *_ = Counter(given).most_common(1)
        return f"{twice!r} is there twice: give each row its own"
    for text in given:
        if not 0 < len(text) <= LONGEST:
            return f"an id has 1 to {LONGEST} characters, not {len(text)}"
        if OF_A_SCORING_JOB.match(text):
            return f"{text!r} is what a row of a scoring job is called: put a letter in front"
    return None
