"""List the benchmarks, or run one: `python -m benchmarks [NAME] [options]`."""

import ast
import importlib
import os
import sys
from pathlib import Path


def benchmarks() -> dict[str, str]:
    """Return the first docstring line of each module that has a `main`, by name, without importing it."""
    paths = sorted(Path(__file__).parent.glob("*.py"))
    modules = {
        p.stem: ast.parse(p.read_text()) for p in paths if p.stem != "__main__" and not p.stem.endswith("_peers")
    }
    return {
        name: (ast.get_docstring(module) or "").partition("\n")[0]
        for name, module in modules.items()
        if any(isinstance(part, ast.FunctionDef) and part.name == "main" for part in module.body)
    }


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
