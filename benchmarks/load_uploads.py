"""Many uploads at the same time."""

import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil
import requests

from benchmarks.service import MB, Service, data_path, make_network, resident, send_file, write_csv

SAMPLE_SECONDS = 0.2


def measure_uploads(service: Service, folder: Path, count: int, megabytes: int) -> dict[str, Any]:
    """Return how long so many files of so many megabytes take that are sent at once, each into its own network.

    Seconds are those until the answer, which comes when the file is converted and stored. Meanwhile the memory of the
    web server is sampled, and one more client asks for a state now and then: how long it waited at most is told.
    """
    csv = folder / "upload.csv"
    write_csv(csv, megabytes)
    networks = [f"upload{number}" for number in range(count)]
    for network in networks:
        make_network(service, network)
    watch = Watch(service, networks[0])
    begin = threading.Barrier(count + 1)
    errors: list[str] = []

    def upload(network: str) -> float:
        begin.wait()
        began = time.monotonic()
        try:
            send_file(service, data_path(network), csv)
        except (OSError, HTTPException, RuntimeError) as error:
            errors.append(f"{network}: {type(error).__name__}: {error}")
        return time.monotonic() - began

    with ThreadPoolExecutor(count) as clients:
        uploads = [clients.submit(upload, network) for network in networks]
        watch.start()
        begin.wait()
        began = time.monotonic()
        seconds = sorted(future.result() for future in uploads)
        spent = time.monotonic() - began
    watch.stop()
    for network in networks:
        stored = service.call("GET", data_path(network))
        if [described["size"] for described in stored] != [csv.stat().st_size]:
            errors.append(f"{network}: {len(stored)} files are stored, or not all of one")
    return {
        "uploads": count,
        "CSV, MB": csv.stat().st_size / MB,
        "seconds, conversion included": spent,
        "MB/s": count * csv.stat().st_size / MB / spent,
        "half of them took at most, s": statistics.median(seconds),
        "slowest, s": seconds[-1],
        "web processes before, MB": watch.before / MB,
        "web processes, peak, MB": watch.web / MB,
        "with their converting children, peak, MB": watch.family / MB,
        "longest wait for a state meanwhile, s": watch.longest,
        "errors": errors + watch.errors,
    }


class Watch:
    """Samples the resident memory of the web server's processes (shared pages count in each), and asks for a state."""

    def __init__(self, service: Service, network: str) -> None:
        self._url = f"{service.api}/wf/target/state/nnid/{network}/wfver/1/"
        self._headers = dict(service.session.headers)
        self._web = service.web()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._sample), threading.Thread(target=self._ask)]
        self.before = self.web = self.family = sum(map(resident, self._web))
        self.longest = 0.0
        self.errors: list[str] = []

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            web = sum(map(resident, self._web))
            self.web = max(self.web, web)
            self.family = max(self.family, web + sum(resident(child) for one in self._web for child in children(one)))

    def _ask(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            began = time.monotonic()
            try:
                answer = requests.get(self._url, headers=self._headers, timeout=600)
            except requests.RequestException as error:
                self.errors.append(f"state: {error}")
            else:
                self.longest = max(self.longest, time.monotonic() - began)
                if not answer.ok:
                    self.errors.append(f"state: {answer.status_code} {answer.text[:200]}")


def children(process: psutil.Process) -> list[psutil.Process]:
    """Return the children of a process, none once it has ended."""
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []
