"""The files of the production shape agree with each other."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
COMPOSE = REPOSITORY / "docker-compose.yml"
DOCKERFILE = REPOSITORY / "Dockerfile"
EXAMPLE = REPOSITORY / ".env.example"
REQUIRED = {"DATABASE_URL", "REDIS_URL", "NNSERVICE_SECRET_KEY", "POSTGRES_PASSWORD"}
OF_THE_IMAGE = {"NNSERVICE_HOME", "NNSERVICE_BIND"}
PROFILES = [(), ("flower",), ("s3",), ("flower", "s3")]
READERS = (
    r"""env\.(?:text|integer|number|flag|share|words|choice|rate|secret|redis_url)\(\s*"([A-Z_0-9]+)\""""
    r"""|environ(?:\.get\(|\[)"([A-Z_0-9]+)\""""
)
SET_BY_ITSELF = {"PROMETHEUS_MULTIPROC_DIR", "DJANGO_SETTINGS_MODULE", "PATH", "PATH_INFO", "REQUEST_METHOD"}


def assignments(path, *, commented=False):
    """Return the settings of a file, those that are commented out too if asked for."""
    return dict(re.findall(rf"^{'(?:# )?' if commented else ''}([A-Z_0-9]+)=(.*)$", path.read_text(), re.MULTILINE))


def settings_read():
    """Return every environment variable that the service reads."""
    sources = [
        path.read_text() for folder in ("nnservice", "workflows") for path in (REPOSITORY / folder).rglob("*.py")
    ]
    return {name for text in sources for pair in re.findall(READERS, text) for name in pair if name} - SET_BY_ITSELF


def documented_settings():
    return set(re.findall(r"^\| `([A-Z_0-9]+)` \|", (REPOSITORY / "docs" / "settings.md").read_text(), re.MULTILINE))


def test_every_setting_that_is_read_is_documented_and_no_other():
    assert settings_read() ^ documented_settings() == set()


def test_every_setting_stands_in_the_example_file():
    missing = documented_settings() - OF_THE_IMAGE - set(assignments(EXAMPLE, commented=True))
    assert missing == set()


def test_every_setting_reaches_the_processes_of_the_compose_file():
    passed = set(yaml.safe_load(COMPOSE.read_text())["x-environment"])
    assert documented_settings() - OF_THE_IMAGE - {"PORT"} - passed == set()


def test_every_variable_of_the_compose_file_is_explained():
    used = set(re.findall(r"\$\{([A-Z_0-9]+)", COMPOSE.read_text()))
    assert used - set(assignments(EXAMPLE, commented=True)) == set()


def test_no_secret_has_a_default():
    required = set(re.findall(r"\$\{([A-Z_]+):\?", COMPOSE.read_text()))
    assert required == REQUIRED
    example = assignments(EXAMPLE)
    secrets = ("NNSERVICE_SECRET_KEY", "POSTGRES_PASSWORD", "DATABASE_URL", "FLOWER_BASIC_AUTH")
    assert [name for name in secrets if example[name]] == []


def test_every_image_is_pinned_to_a_release():
    images = {service["image"] for service in yaml.safe_load(COMPOSE.read_text())["services"].values()}
    images |= {name for name in re.findall(r"^FROM (\S+)", DOCKERFILE.read_text(), re.MULTILINE) if name != "base"}
    assert len(images) >= 5
    assert [image for image in images if not re.search(r":[\w.-]*\d+\.\d+", image)] == []


def test_redis_forgets_nothing():
    command = yaml.safe_load(COMPOSE.read_text())["services"]["redis"]["command"]
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_every_service_that_stays_has_a_health_check():
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    lasting = {name for name, service in services.items() if service.get("restart") != "no"}
    assert {name for name in lasting if "healthcheck" not in services[name]} == set()


def test_the_image_gets_every_folder_it_copies():
    copied = re.findall(r"^COPY (.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    allowed = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {name for names in copied for name in names.split()} == allowed
    assert [name for name in allowed if not (REPOSITORY / name).exists()] == []


def config(tmp_path, values, profiles):
    (tmp_path / "values.env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    chosen = [part for name in profiles for part in ("--profile", name)]
    return subprocess.run(
        [
            "docker-compose",
            "--env-file",
            str(tmp_path / "values.env"),
            "-f",
            str(COMPOSE),
            *chosen,
            "config",
            "--quiet",
        ],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")
@pytest.mark.parametrize("profiles", PROFILES, ids="+".join)
def test_compose_accepts_the_file_with_every_profile(tmp_path, profiles):
    answer = config(tmp_path, {**assignments(EXAMPLE), **dict.fromkeys(REQUIRED, "given")}, profiles)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")
@pytest.mark.parametrize("missing", sorted(REQUIRED))
def test_compose_names_what_is_missing(tmp_path, missing):
    values = {**assignments(EXAMPLE), **dict.fromkeys(REQUIRED - {missing}, "given")}
    values.pop(missing)
    answer = config(tmp_path, values, ())
    assert answer.returncode != 0
    assert f"set {missing} in .env" in answer.stderr
