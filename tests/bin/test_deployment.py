"""Django finds nothing to warn of in the production shape."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
GIVEN = {
    "NNSERVICE_SECRET_KEY": "k7Zp-1_qXv9mB3tY5wR8sD2fG4hJ6lN0cV-aEiOuTrLyKpQzXs",
    "DATABASE_URL": "postgres://nnservice:p@postgres:5432/nnservice",
    "REDIS_URL": "redis://redis:6379/0",
    "NNSERVICE_ALLOWED_HOSTS": "models.example",
}


def environment_of_compose() -> dict[str, str]:
    """Return the variables of the compose file's processes: what .env must give, given, and the defaults."""
    listed = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["x-environment"]
    image = re.findall(r"(NNSERVICE_BIND)=(\S+)", (REPOSITORY / "Dockerfile").read_text())
    defaults = {
        name: re.sub(r"\$\{\w+(?::[-?]([^}]*))?\}", lambda match: match[1] or "", str(value))
        for name, value in listed.items()
        if value is not None
    }
    return {**defaults, **dict(image), **GIVEN}


def manage(home: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=REPOSITORY,
        env={**kept, "NNSERVICE_HOME": str(home), **environment_of_compose(), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_check_deploy_is_clean_with_the_settings_of_the_compose_file(tmp_path: Path) -> None:
    answer = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING")
    assert answer.returncode == 0, answer.stderr
    assert "no issues (0 silenced)" in answer.stdout


def test_without_tls_it_is_not(tmp_path: Path) -> None:
    answer = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", NNSERVICE_TLS="false")
    assert answer.returncode == 1
    assert "SESSION_COOKIE_SECURE" in answer.stderr


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"NNSERVICE_AUTH": "open"}, "NNSERVICE_AUTH=open is refused while NNSERVICE_BIND is 0.0.0.0 and DATABASE_URL"),
        ({"NNSERVICE_THROTTLE_USER": "many"}, "NNSERVICE_THROTTLE_USER must be off, or requests per"),
        ({"NNSERVICE_QUOTA_ROWS": "-1"}, "NNSERVICE_QUOTA_ROWS must be a whole number of at least 0"),
    ],
)
def test_a_setting_that_cannot_be_right_stops_the_start(
    tmp_path: Path, variables: dict[str, str], message: str
) -> None:
    answer = manage(tmp_path, "check", **variables)
    assert answer.returncode != 0
    assert message in answer.stderr
