"""Where a fault campaign takes place: a small disk, servers that may be killed and a clock that may be set."""

import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers import Server, postgresql, redis_server

DISK_MB = 600
CLOCK = Path(__file__).with_name("fault_clock.c")


@dataclass
class Clock:
    """The clock on the wall as processes with these variables see it, and no others."""

    variables: Mapping[str, str]
    file: Path
    ahead: int = 0

    def set(self, ahead: int) -> None:
        """Have it show so many seconds more than the machine's own."""
        self.ahead = ahead
        with self.file.open("r+b") as file:  # the same file, which the processes have mapped
            file.write(struct.pack("=q", ahead))


@dataclass
class Place:
    """What a campaign may do harm to; None is what this machine does not offer, or what the service brings itself."""

    folder: Path
    own_disk: bool
    clock: Clock | None
    database: Server | None = None
    broker: Server | None = None
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home"


@contextmanager
def new_place(*, servers: bool) -> Iterator[Place]:
    """Give a place of the campaign's own; with `servers` PostgreSQL and Redis are there, of Debian's packages.

    Raises:
        tests.servers.CannotStart: they are not installed.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-faults-")))
        place = Place(folder, stack.enter_context(_own_small_disk(folder / "home")), _clock(folder))
        if servers:
            place.database = stack.enter_context(postgresql(durable=True))
            place.broker = stack.enter_context(redis_server())
            place.variables = {"DATABASE_URL": place.database.url, "REDIS_URL": place.broker.url}
        yield place


@contextmanager
def _own_small_disk(home: Path) -> Iterator[bool]:
    """Make the state folder, on a small disk of its own where root may mount one; tell whether it is."""
    home.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=700", "tmpfs", str(home)]
    mounted = os.getuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(home)], check=True)


def _clock(folder: Path) -> Clock | None:
    """Return a clock of the service's own, where there is a compiler of C."""
    library, file = folder / "clock.so", folder / "clock"
    command = ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(CLOCK), "-ldl"]
    if shutil.which("cc") is None or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        return None
    file.write_bytes(bytes(8))
    return Clock({"LD_PRELOAD": str(library), "FAULT_CLOCK": str(file)}, file)
