"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from nnservice.turns import InTurns

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nnservice.settings")

application = InTurns(get_wsgi_application())
# Imported before gunicorn forks: the workers share it, and the first request does not wait for it.
get_resolver().url_patterns  # noqa: B018
