"""Two sweeps of a fault campaign at once, each of which sends every queued run again."""

import os
import threading

import django


def sweep_twice() -> None:
    """Sweep in two threads that begin together."""
    from django.db import connection

    from workflows.execution.sweeper import sweep

    together = threading.Barrier(2)

    def one() -> None:
        together.wait()
        sweep(every_queued_run=True)
        connection.close()

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "nnservice.settings"
    django.setup()
    sweep_twice()
