"""What is handed from a request to the log: the rows as they were sent, and as they were answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """The rows of one request, N of them; `answers` have `row_id`, `score`, `anomaly` and `contributions`."""

    version_id: int
    run_id: UUID
    rule_id: int | None
    rows: Sequence[Row]
    answers: Sequence[Row]
    created: datetime

    def __len__(self) -> int:
        return len(self.answers)

    @property
    def is_graph(self) -> bool:
        """Rows that were scored as one graph mean little apart."""
        return "u" in self.answers[0]

    def first(self, room: int) -> "Entry | None":
        """Return what fits: the first rows, of a graph all or none."""
        if len(self) <= room:
            return self
        if room <= 0 or self.is_graph:
            return None
        return replace(self, rows=self.rows[:room], answers=self.answers[:room])
