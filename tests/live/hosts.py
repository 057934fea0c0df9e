"""Hosts for tests: state folders of their own and, where the machine permits it, network namespaces of their own.

A namespace has one cable, to this machine, which forwards the servers it is told of and nothing else: hosts reach
neither each other nor anything beyond.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.live.conftest import OWN, REPOSITORY

SUBNET = f"198.{18 + (os.getpid() >> 8) % 2}.{os.getpid() % 256}"
"""Of this process, since another on this machine may have hosts too; out of the range that is kept for tests."""


@dataclass
class Host:
    """A host: its name, its state folder, and how this machine (`here`) and it (`address`) see each other."""

    name: str
    home: Path
    here: str = "127.0.0.1"
    address: str = "127.0.0.1"
    namespace: str | None = None
    variables: dict[str, str] = field(default_factory=dict)
    programs: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def seen_from_here(self, url: str) -> str:
        """Return the URL of a server of this machine as the host must write it."""
        return url.replace("127.0.0.1", self.here)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python on the host and wait for it."""
        environment = self._environment()
        return subprocess.run(
            self._command(arguments), cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
        )

    @contextmanager
    def running(self, program: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run one of the service's programs on the host until the block ends."""
        with (self.home.parent / f"{self.name}-{program}.log").open("ab") as log:
            process = subprocess.Popen(
                self._command(("-m", "nnservice.programs", program)),
                cwd=REPOSITORY,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.programs[program] = process
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        python = [sys.executable, *arguments]
        if self.namespace is None:
            return python
        named = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', self.name]
        return ["ip", "netns", "exec", self.namespace, *named, *python]

    def _environment(self) -> dict[str, str]:
        clean = {key: value for key, value in os.environ.items() if key not in OWN}
        return {**clean, "NNSERVICE_HOME": str(self.home), **self.variables}


@contextmanager
def hosts(folder: Path, names: tuple[str, ...], *servers: str) -> Iterator[list[Host]]:
    """Give hosts that reach the servers of these URLs."""
    with ExitStack() as stack:
        made = [Host(name, folder / name / "home") for name in names]
        for host in made:
            host.home.mkdir(parents=True)
        if _namespaces_work():
            for number, host in enumerate(made):
                stack.enter_context(_cable(host, number))
                for url in servers:
                    stack.enter_context(_forwarding(host.here, url))
        yield made


def _namespaces_work() -> bool:
    if os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("unshare")):
        return False
    name = f"nns{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True).returncode != 0:
        return False
    inside = ["ip", "netns", "exec", name, "unshare", "--uts", "hostname", name]
    works = subprocess.run(inside, check=False, capture_output=True).returncode == 0
    cable = ["ip", "link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name]
    works = works and subprocess.run(cable, check=False, capture_output=True).returncode == 0
    subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
    return works


@contextmanager
def _cable(host: Host, number: int) -> Iterator[None]:
    """Put the host into a namespace of its own, with a cable to this machine."""
    name = f"nns{os.getpid()}-{number}"
    here, there = f"{SUBNET}.{4 * number + 1}", f"{SUBNET}.{4 * number + 2}"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name)
        _ip("addr", "add", f"{here}/30", "dev", f"{name}a")
        _ip("link", "set", f"{name}a", "up")
        _ip("-n", name, "addr", "add", f"{there}/30", "dev", f"{name}b")
        _ip("-n", name, "link", "set", f"{name}b", "up")
        _ip("-n", name, "link", "set", "lo", "up")
        host.here, host.address, host.namespace = here, there, name
        yield
    finally:
        _ip("netns", "del", name)  # the cable goes with it


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@contextmanager
def _forwarding(address: str, url: str) -> Iterator[None]:
    """Let the server of a URL be reached at an address of this machine too, on its port."""
    parts = urlsplit(url)
    loop = asyncio.new_event_loop()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            ahead, back = await asyncio.open_connection(parts.hostname, parts.port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, back), _pump(ahead, writer))

    async def listen() -> asyncio.Server:
        return await asyncio.start_server(forward, address, parts.port)

    server = loop.run_until_complete(listen())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def variables_of(host: Host, shared: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that the hosts share, as this one must write them."""
    return {name: host.seen_from_here(value) for name, value in shared.items()}
