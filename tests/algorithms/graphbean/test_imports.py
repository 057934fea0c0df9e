import subprocess
import sys

HEAVY = ("torch", "torch_geometric", "tensorflow", "pandas", "pyarrow", "sklearn", "scipy")


def test_the_encoder_needs_numpy_only():
    code = f"import sys, algorithms.graphbean.encoder; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
