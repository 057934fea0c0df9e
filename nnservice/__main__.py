"""`python -m nnservice`: run the service, its broker and its workers until Ctrl-C."""

import argparse
import sys

from django.core.exceptions import ImproperlyConfigured

from nnservice.home import HomeUnusable
from nnservice.launcher import launch
from nnservice.preflight import CannotStart

argparse.ArgumentParser(
    prog="bin/run",
    description="Run the service on 127.0.0.1 until Ctrl-C.",
    epilog="Environment: PORT (8000), NNSERVICE_HOME (./var), NNSERVICE_WORKER_CONCURRENCY, WEB_WORKERS,"
    " DATABASE_URL (SQLite in the state folder), REDIS_URL (an embedded server).",
).parse_args()
try:
    launch()
except (CannotStart, HomeUnusable, ImproperlyConfigured) as error:
    sys.exit(f"nnservice: {error}")
