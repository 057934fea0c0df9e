"""The files of the production shape agree with each other."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
COMPOSE = REPOSITORY / "docker-compose.yml"
REQUIRED = {"DATABASE_URL", "REDIS_URL", "NNSERVICE_SECRET_KEY", "POSTGRES_PASSWORD"}


def assignments(path):
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", path.read_text(), re.MULTILINE))


def test_every_variable_of_the_compose_file_is_explained():
    used = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE.read_text()))
    assert used == set(assignments(REPOSITORY / ".env.example"))


def test_no_secret_has_a_default():
    required = set(re.findall(r"\$\{([A-Z_]+):\?", COMPOSE.read_text()))
    assert required == REQUIRED
    example = assignments(REPOSITORY / ".env.example")
    assert [name for name in ("NNSERVICE_SECRET_KEY", "POSTGRES_PASSWORD", "DATABASE_URL") if example[name]] == []


def test_the_images_of_others_are_pinned_to_a_release():
    images = [service["image"] for service in yaml.safe_load(COMPOSE.read_text())["services"].values()]
    others = {image for image in images if image != "nnservice:latest"}
    others |= set(re.findall(r"^FROM (\S+)", (REPOSITORY / "Dockerfile").read_text(), re.MULTILINE))
    assert len(others) == 3
    assert [image for image in others if not re.search(r":\d+\.\d+", image)] == []


def test_the_image_gets_every_folder_it_copies():
    copied = re.findall(r"^COPY (.+) \S+$", (REPOSITORY / "Dockerfile").read_text(), re.MULTILINE)
    allowed = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {name for names in copied for name in names.split()} == allowed
    assert [name for name in allowed if not (REPOSITORY / name).exists()] == []


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")
@pytest.mark.parametrize("missing", [None, *sorted(REQUIRED)])
def test_compose_accepts_the_file_and_names_what_is_missing(tmp_path, missing):
    values = {**assignments(REPOSITORY / ".env.example"), **dict.fromkeys(REQUIRED, "given")}
    values.pop(missing, None)
    (tmp_path / "values.env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    answer = subprocess.run(
        ["docker-compose", "--env-file", str(tmp_path / "values.env"), "-f", str(COMPOSE), "config", "--quiet"],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (answer.returncode == 0) == (missing is None), answer.stderr
    assert missing is None or f"set {missing} in .env" in answer.stderr
