"""The worker's request to its running trainings to hand their runs back, set on SIGTERM (workflows.worker)."""

import threading

requested = threading.Event()
