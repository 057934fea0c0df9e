"""What the documents say is true of the repository."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INTERNAL = {"NNSERVICE_EMBEDDED_BROKER"}  # the launcher's word to its own programs


def test_every_setting_is_documented() -> None:
    code = "".join(path.read_text() for path in (ROOT / "nnservice").glob("*.py"))
    names = r"\"(NNSERVICE_[A-Z_]+|WEB_WORKERS|PORT|DATABASE_URL|REDIS_URL|STORAGE_URL|AWS_[A-Z_]+)\""
    read = set(re.findall(names, code)) - INTERNAL
    documented = set(re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE))
    assert read == documented


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_command_and_path_of_the_readme_exists() -> None:
    readme = (ROOT / "README.md").read_text()
    named = set(
        re.findall(r"(?<![\w./])((?:bin|examples|algorithms|workflows|nnservice|tests|docs)/[\w./-]+\w)", readme)
    )
    assert len(named) > 5
    assert [path for path in named if not (ROOT / path).exists()] == []
