"""`python -m nnservice`: run the service, its broker and its workers until Ctrl-C."""

import sys

from django.core.exceptions import ImproperlyConfigured

from nnservice.home import HomeUnusable
from nnservice.launcher import launch
from nnservice.preflight import CannotStart

try:
    launch()
except (CannotStart, HomeUnusable, ImproperlyConfigured) as error:
    sys.exit(f"nnservice: {error}")
