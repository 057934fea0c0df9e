"""How a conversion ends; real children."""

from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from workflows.errors import Unprocessable
from workflows.execution.conversion import convert_csv


def test_a_conversion_beyond_its_memory_is_stopped_and_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("a,b\n1,2\n")
    jobs = set(Path(settings.JOBS_ROOT).glob("convert-*"))
    with (
        override_settings(CONVERSION_MEMORY_LIMIT=2_000_000),
        pytest.raises(Unprocessable, match=r"the limit is 2 MB \(NNSERVICE_CONVERSION_MEMORY_MB\); split the file"),
    ):
        convert_csv(source, tmp_path / "out.parquet", encoding=None, delimiter=None)
    assert list(tmp_path.iterdir()) == [source]
    assert set(Path(settings.JOBS_ROOT).glob("convert-*")) == jobs
