"""CSV files that nobody would write: the reader takes or refuses each, and never worse."""

import csv
import io
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.report import machine, parser, print_table, write_json

CHUNK = 2500
"""Inputs of one process and one seed: a crash of the interpreter costs, and shows, no more than these."""
LONGEST_SECONDS = 60
CHUNK_SECONDS = 3600.0
"""A process that takes longer hangs where no signal handler runs, within a library."""
INPUTS = 100_000
LEAST, MORE = 100, 10
"""A process is asked for no fewer files than LEAST; MORE of them, and twice as many as needed, are started at most."""
KINDS = ("soup", "tokens", "changed", "long")


def main(argv: Sequence[str]) -> None:
    """Draw files from hypothesis: bytes without sense, tokens that mean something to a reader, tables written by the
    csv module and then changed, and all of these made long. Each is converted as an upload is.

    An input is wrong if its conversion raises anything but an error that says what is wrong, takes longer than a
    minute, ends the process, or leaves a file that is not whole. The exit status is 1 if there is one, or if fewer
    inputs were converted than were asked for.
    """
    arguments = parser("fuzz_csv", f"{__doc__}\n\n{main.__doc__}")
    arguments.add_argument("--inputs", type=int, default=INPUTS, help=f"default {INPUTS:,}")
    arguments.add_argument("--seed", type=int, default=0, help="of the first process; each has the next (default 0)")
    arguments.add_argument("--processes", type=int, default=2, help="at once (default 2)")
    options = arguments.parse_args(argv)
    described, began = machine(), time.perf_counter()
    result = campaign(options.inputs, options.seed, options.processes)
    result["seconds"] = round(time.perf_counter() - began, 1)
    report(result)
    write_json(options.json, "fuzz_csv", described, result)
    if result["wrong"] or result["inputs"] < options.inputs:
        sys.exit(1)


def report(result: dict[str, Any]) -> None:
    """Print what a campaign found."""
    rows = [[kind, *(result["by_kind"].get(f"{kind} {end}", 0) for end in ("read", "refused"))] for kind in KINDS]
    print_table(["kind of file", "read", "refused"], rows)
    print(
        f"\n{result['inputs']:,} files in {result['seconds']:,.0f} s, the slowest took {result['slowest']:.2f} s;",
        end=" ",
    )
    print(f"crashes, hangs and partial files: {len(result['wrong'])}")
    for line in result["wrong"]:
        print(line)


def campaign(inputs: int, seed: int, processes: int = 2) -> dict[str, Any]:
    """Convert at least so many files; return their number by kind and end, the slowest, and what was wrong.

    Hypothesis may draw fewer files than a process is asked for: others follow, with the next seeds.
    """
    seeds = iter(range(seed, seed + 2 * -(-inputs // CHUNK) + MORE))
    running: list[tuple[int, int, subprocess.Popen[str]]] = []
    by_kind: Counter[str] = Counter()
    wrong: list[str] = []
    slowest = 0.0
    while True:
        missing = inputs - by_kind.total() - sum(count for _, count, _ in running)
        if missing > 0 and len(running) < processes and (number := next(seeds, None)) is not None:
            running.append((number, count := min(CHUNK, max(missing, LEAST)), _start(number, count)))
            continue
        if not running:
            break
        number, _, process = running.pop(0)
        found = _result_of(process)
        by_kind.update(found["by_kind"])
        wrong += [f"seed {number}: {line}" for line in found["wrong"]]
        slowest = max(slowest, found["slowest"])
    return {"inputs": by_kind.total(), "seed": seed, "by_kind": dict(by_kind), "slowest": slowest, "wrong": wrong}


def _start(seed: int, count: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "benchmarks.fuzz_csv", str(seed), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _result_of(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """Return what a process found; one that ended otherwise, or not at all, is what was wrong."""
    try:
        output, _ = process.communicate(timeout=CHUNK_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        why = f"the process had not ended after {CHUNK_SECONDS:.0f} s"
    else:
        if process.returncode == 0:
            return dict(json.loads(output.splitlines()[-1]))
        why = f"the process ended with {process.returncode}"
    return {"by_kind": {}, "wrong": [why], "slowest": 0.0}


def convert_chunk(seed: int, count: int) -> dict[str, Any]:
    """Convert the files of one seed in this process."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded

    by_kind: Counter[str] = Counter()
    wrong: list[str] = []
    slowest = 0.0
    memory = Path("/dev/shm")  # the reader syncs every file: a disk would be what is measured
    folder = Path(tempfile.mkdtemp(prefix="fuzz-csv-", dir=memory if memory.is_dir() else None))
    signal.signal(signal.SIGALRM, _too_long)

    @seeded(seed)
    @settings(
        max_examples=count, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(files())
    def one(drawn: tuple[str, bytes, dict[str, Any]]) -> None:
        nonlocal slowest
        kind, content, options = drawn
        began = time.perf_counter()
        end, complaint = convert_one(folder, content, options)
        slowest = max(slowest, time.perf_counter() - began)
        by_kind[f"{kind} {end}"] += 1
        if complaint:
            wrong.append(f"{complaint}: {content[:300]!r} {options}")

    try:
        one()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {"by_kind": dict(by_kind), "slowest": round(slowest, 3), "wrong": wrong}


def convert_one(folder: Path, content: bytes, options: dict[str, Any]) -> tuple[str, str]:
    """Convert a file; return `read` or `refused`, and what was wrong with that."""
    import pyarrow.parquet as pq

    from algorithms.errors import DataError
    from algorithms.jobs import ConvertJob
    from algorithms.tables.convert import convert

    source, parquet = folder / "in.csv", folder / "out.parquet"
    source.write_bytes(content)
    parquet.unlink(missing_ok=True)
    signal.alarm(LONGEST_SECONDS)
    try:
        result = convert(ConvertJob(source=source, parquet=parquet, max_columns=64, max_cell_bytes=5000, **options))
    except DataError as error:
        left = sorted(path.name for path in folder.iterdir())
        return "refused", "" if error.errors and left == ["in.csv"] else f"refused without a reason, or left {left}"
    except Exception as error:  # noqa: BLE001 - what is looked for
        return "refused", f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
    stored = pq.read_metadata(parquet)
    whole = stored.num_rows == result["rows"] and stored.num_columns == len(result["columns"])
    return "read", "" if whole and len(list(folder.iterdir())) == 2 else "the stored table is not what was reported"


def _too_long(_signum: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"longer than {LONGEST_SECONDS} s")


def files() -> Any:
    """Return the strategy: kind of file, bytes, options of the conversion."""
    from hypothesis import strategies as st

    names = ("utf-8", "utf-8-sig", "utf-16", "cp949", "latin-1", "utf-7", "idna", "cp037", "no-such", "hex")
    encodings = st.sampled_from([None, None, None, *names])
    delimiters = st.sampled_from([None, None, None, ",", ";", "\t", "|"])
    options = st.fixed_dictionaries({"encoding": encodings, "delimiter": delimiters})
    tokens = (
        b"a", b"1", b"-1.5e3", b"1,5", b"2020-01-01", b"2020-13-45", b"NaN", b"inf", b"NA", b"0x1F", b"1" * 400,
        b",", b",", b";", b"\t", b"|", b'"', b'""', b"'", b"\\", b"\n", b"\n", b"\r\n", b"\r", b" ", b"\0", b"\xff\xfe",
        b"\xfe\xff", b"\xef\xbb\xbf", b"\xb0\xa1", b"\xea\xb0\x80", b"\xe2\x80\xa8", b"\x85", b"\x1a",
        b"\xf0\x9f\x98\x80", b"true", b"\xed\xa0\x80", b"+ACI-", b"=1+1", b"#",
    )  # fmt: skip
    soup = st.binary(max_size=300)
    sense = st.lists(st.sampled_from(tokens), max_size=60).map(b"".join)
    kinds = st.one_of(
        soup.map(lambda content: ("soup", content)),
        sense.map(lambda content: ("tokens", content)),
        changed_tables().map(lambda content: ("changed", content)),
        st.tuples(changed_tables() | sense, st.integers(2, 400)).map(lambda drawn: ("long", drawn[0] * drawn[1])),
    )
    return st.tuples(kinds, options).map(lambda drawn: (*drawn[0], drawn[1]))


def changed_tables() -> Any:
    """Return the strategy of tables as the csv module writes them, some bytes of which were changed."""
    from hypothesis import strategies as st

    letters = st.sampled_from('ab0123456789.,;-/: "가나\n') | st.characters(codec="utf-8")
    cells = st.one_of(st.text(letters, max_size=10), st.integers().map(str), st.floats().map(str), st.dates().map(str))

    @st.composite
    def table(draw: Any) -> bytes:
        width = draw(st.integers(1, 6))
        rows = draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=12))
        text = io.StringIO(newline="")
        quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
        writer = csv.writer(text, delimiter=draw(st.sampled_from(",;\t|")), quoting=quoting)
        writer.writerows([[f"c{column}" for column in range(width)], *rows])
        content = bytearray(text.getvalue().encode(draw(st.sampled_from(["utf-8", "utf-16", "cp949"])), "replace"))
        for _ in range(draw(st.integers(0, 4))):
            place = draw(st.integers(0, len(content)))
            length = draw(st.integers(0, 5))
            content[place : place + length] = draw(st.binary(max_size=5))
        return bytes(content)

    return table()


if __name__ == "__main__":
    print(json.dumps(convert_chunk(int(sys.argv[1]), int(sys.argv[2]))))
