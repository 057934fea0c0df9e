import subprocess
import sys


def test_tables_and_their_encoder_know_no_detector():
    code = (
        "import sys, algorithms.tabular.encoder, algorithms.tabular.compatibility\n"
        "print([name for name in sys.modules if name.startswith('algorithms.autoencoder')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
