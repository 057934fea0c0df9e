"""The service's settings, on the servers that tests.servers started: what the tests in this process run on.

Open mode stays: a process that the tests run in is reached by nobody else.
"""

import os

import dj_database_url

from nnservice.settings import *  # noqa: F403
from tests.servers import with_database

DATABASES = {"default": dict(dj_database_url.parse(os.environ["TEST_DATABASE_URL"], conn_max_age=60))}
CELERY_BROKER_URL = with_database(os.environ["TEST_REDIS_URL"], "1")
CACHES["default"]["LOCATION"] = CELERY_BROKER_URL  # noqa: F405
