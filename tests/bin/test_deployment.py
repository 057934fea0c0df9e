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
    assert "no issues (2 silenced)" in answer.stdout, "subdomains and preload lists are left to whoever runs it"


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
        ({"NNSERVICE_SECRET_KEY": "x"}, "NNSERVICE_SECRET_KEY must have at least 32 characters, not 1"),
        ({"NNSERVICE_METRICS_TOKEN": "x"}, "NNSERVICE_METRICS_TOKEN must have at least 20 characters, not 1"),
        ({"NNSERVICE_TOKEN_DAYS": "366"}, "NNSERVICE_TOKEN_DAYS must be a whole number from 1 to 365, not '366'"),
        ({"NNSERVICE_MAX_TOKEN_DAYS": "9" * 10}, "NNSERVICE_MAX_TOKEN_DAYS must be a whole number from 1 to 36500"),
        ({"REDIS_URL": "sentinel://host:26379/0"}, "REDIS_URL must be redis://[user:password@]host[:port][/number]"),
    ],
)
def test_a_setting_that_cannot_be_right_stops_the_start(
    tmp_path: Path, variables: dict[str, str], message: str
) -> None:
    answer = manage(tmp_path, "check", **variables)
    assert answer.returncode != 0
    assert message in answer.stderr


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "(1, 31536000, False, False, 90)"),
        ({"NNSERVICE_PROXIES": "2", "NNSERVICE_HSTS_SECONDS": "0"}, "(2, 0, False, False, 90)"),
        (
            {"NNSERVICE_HSTS_SUBDOMAINS": "on", "NNSERVICE_HSTS_PRELOAD": "on", "NNSERVICE_MAX_TOKEN_DAYS": "7"},
            "(1, 31536000, True, True, 7)",
        ),
    ],
)
def test_tls_believes_its_proxy_and_speaks_for_this_host_alone_unless_told(
    tmp_path: Path, variables: dict[str, str], expected: str
) -> None:
    names = ("PROXIES", "SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD", "TOKEN_DAYS")
    told = ", ".join(f"settings.{name}" for name in names)
    answer = manage(
        tmp_path, "shell", "--no-imports", "-c", f"from django.conf import settings; print(({told}))", **variables
    )
    assert answer.stdout.strip() == expected, answer.stderr


def test_a_password_with_commas_and_semicolons_is_not_split_into_servers(tmp_path: Path) -> None:
    program = "from django.core.cache import cache; print(cache._servers)"
    url = "redis://:a,b;c@redis:6379/0"
    assert manage(tmp_path, "shell", "--no-imports", "-c", program, REDIS_URL=url).stdout.strip() == str([url])
