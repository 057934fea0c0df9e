"""List the benchmarks, or run one: `python -m benchmarks [NAME] [options]`."""

import ast
import importlib
import os
import sys
from pathlib import Path

NOT_BENCHMARKS = {"__init__", "__main__", "report", "one_class"}


def benchmarks() -> dict[str, str]:
    """Return the first docstring line of each benchmark by name, without importing it."""
    paths = sorted(Path(__file__).parent.glob("*.py"))
    paths = [p for p in paths if p.stem not in NOT_BENCHMARKS and not p.stem.endswith("_peers")]
    return {p.stem: (ast.get_docstring(ast.parse(p.read_text())) or "").partition("\n")[0] for p in paths}


def main(argv: list[str]) -> int:
    known = benchmarks()
    if not argv or argv[0] in ("-h", "--help"):
        width = max(map(len, known))
        print("usage: bench NAME [options]   (bench NAME --help tells its options)\n")
        for name, line in known.items():
            print(f"  {name:{width}}  {line}")
        return 0
    name, *options = argv
    if name not in known:
        print(f"no benchmark is called {name}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    # As the service's training children run: threads that wait do not spin. Read when a library is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    importlib.import_module(f"benchmarks.{name}").main(options)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
