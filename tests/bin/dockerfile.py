"""Execute the Dockerfile's steps in order without an engine: `python -m tests.bin.dockerfile` (Linux, as root).

The root folder is this machine's, under an overlay that takes every write and is thrown away: users, folders and
packages are really made, at the paths of the image, in a mount namespace of its own. Of the base image a virtual
environment of the same interpreter is taken. At the end the web server is started as the image starts it, and asked
whether it lives. `--install` installs every package anew (minutes); without it pip finds those of this environment.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PYTHON = "/opt/python"
START_SECONDS = 60


@dataclass
class Image:
    """What the instructions have made so far."""

    root: Path
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": f"{PYTHON}/bin:/usr/sbin:/usr/bin:/sbin:/bin"})
    folder: str = "/"
    user: str = "root"
    command: list[str] = field(default_factory=list)

    def run(self, *command: str, **options: object) -> "subprocess.Popen[bytes]":
        """Start a command in the image, as its user, in its folder, with its environment and no other."""
        script = f"cd {shlex.quote(self.folder)} && exec {shlex.join(command)}"
        return subprocess.Popen(
            ["chroot", f"--userspec={self.user}", str(self.root), "/bin/sh", "-c", script],
            env=self.environment | {"HOME": "/tmp"},
            **options,
        )


def instructions(dockerfile: str) -> Iterator[tuple[str, str]]:
    """Yield the instructions: name and the rest, continued lines joined."""
    lines = "\n".join(line for line in dockerfile.splitlines() if not line.lstrip().startswith("#"))
    for line in re.sub(r"\\\n\s*", "", lines).splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield name.upper(), rest.strip()


def stages(dockerfile: str) -> dict[str, list[tuple[str, str]]]:
    """Return the instructions of each stage by its name, those of the stage that it begins from included."""
    found: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for name, rest in instructions(dockerfile):
        if name == "FROM":
            base, _, stage = rest.partition(" AS ")
            current = found[stage or "default"] = list(found.get(base, []))
        else:
            current.append((name, rest))
    return found


def execute(image: Image, name: str, rest: str) -> None:
    """Do what one instruction says."""
    say(f"{name} {rest}")
    if name == "ENV":
        image.environment |= dict(part.split("=", 1) for part in shlex.split(rest))
    elif name == "WORKDIR":
        image.folder = rest
        (image.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
    elif name == "COPY":
        copy(image, *shlex.split(rest))
    elif name == "RUN":
        if image.run("/bin/sh", "-ec", rest).wait():
            sys.exit(f"the step failed: {name} {rest}")
    elif name == "USER":
        image.user = rest
    elif name == "CMD":
        image.command = json.loads(rest)
    elif name not in ("VOLUME", "EXPOSE"):
        sys.exit(f"this script does not know {name}: add it")


def copy(image: Image, *names: str) -> None:
    """Copy files that git knows and .dockerignore lets through."""
    target = image.root / image.folder.lstrip("/") / names[-1]
    for name in names[:-1]:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", name],
            cwd=REPOSITORY, capture_output=True, text=True, check=True,
        ).stdout.split("\0")  # fmt: skip
        paths = [path for path in listed if path and allowed(path) and (REPOSITORY / path).exists()]
        if not paths:
            sys.exit(f"nothing to copy for {name}: is it in .dockerignore?")
        for path in paths:
            inside = Path(path).relative_to(name) if path != name else Path(Path(path).name)
            (target / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / path, target / inside)


def allowed(path: str) -> bool:
    """Tell whether .dockerignore, a list of what is let through, has this file."""
    lines = (REPOSITORY / ".dockerignore").read_text().split()
    return any(path == line[1:] or path.startswith(f"{line[1:]}/") for line in lines if line.startswith("!"))


def make_root(folder: Path) -> Path:
    """Mount the overlay; every write below the path that is returned stays in `folder`."""
    for name in ("upper", "work", "root"):
        (folder / name).mkdir(mode=0o755)
    root = folder / "root"
    options = f"lowerdir=/,upperdir={folder / 'upper'},workdir={folder / 'work'}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(root)], check=True)
    for name in ("proc", "dev", "sys"):
        subprocess.run(["mount", "--rbind", f"/{name}", str(root / name)], check=True)
    # The image's user must reach the interpreter, wherever this machine keeps it.
    for parent in Path(os.path.realpath(sys.executable)).parents:
        (root / parent.relative_to("/")).chmod(0o755)
    return root


def make_python(image: Image, *, install: bool) -> None:
    """Put an interpreter where the base image has one; without `install` it sees the packages of this environment."""
    interpreter = os.path.realpath(sys.executable)
    subprocess.run(["chroot", str(image.root), interpreter, "-m", "venv", PYTHON], check=True)
    if not install:
        packages = next(path for path in sys.path if path.endswith("site-packages"))
        (site,) = (image.root / PYTHON.lstrip("/")).glob("lib/python*/site-packages")
        (site / "here.pth").write_text(f"{packages}\n")
        for parent in (Path(packages), *Path(packages).parents):
            (image.root / parent.relative_to("/")).chmod(0o755)


def require_life(image: Image) -> None:
    """Start what the image starts, as its user, and ask it whether it lives."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    image.environment |= {"PORT": str(port)}
    if image.run("python", "manage.py", "migrate", "--verbosity", "0").wait():
        sys.exit("the image cannot migrate a database")
    process = image.run(*image.command)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
                    say(f"{shlex.join(image.command)}: {answer.read().decode()}")
                    return
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"{shlex.join(image.command)} does not answer /healthz")
                time.sleep(0.2)
    finally:
        process.terminate()
        process.wait(timeout=30)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--install", action="store_true", help="install every package anew, and build every stage")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside is None:
        with tempfile.TemporaryDirectory(prefix="nnservice-image-") as name:
            again = [sys.executable, "-m", "tests.bin.dockerfile", "--inside", name, *sys.argv[1:]]
            own = ["unshare", "--mount", "--propagation", "private"]
            sys.exit(subprocess.run([*own, *again], cwd=REPOSITORY, check=False).returncode)
    found = stages((REPOSITORY / "Dockerfile").read_text())
    for stage in found if options.install else ("service",):
        if stage == "base":
            continue
        say(f"== {stage}")
        folder = options.inside / stage
        folder.mkdir()
        image = Image(make_root(folder))
        make_python(image, install=options.install)
        for name, rest in found[stage]:
            execute(image, name, rest)
        if stage == "service":
            require_life(image)


if __name__ == "__main__":
    main()
