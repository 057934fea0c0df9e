"""Settings: every one that differs between installations is an environment variable, read once, typed."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url
from kombu import Queue

from nnservice import env
from nnservice.auth import LOOPBACK_NAMES, OPEN, auth_mode
from nnservice.home import broker_url, cache_url, secret_key, state_home
from nnservice.logs import FORMATS, logging_settings
from nnservice.machine import total_memory
from nnservice.storage import stored_in

BASE_DIR = Path(__file__).resolve().parent.parent
STATE_HOME = state_home()
CPUS = os.cpu_count() or 1

SECRET_KEY = env.secret("NNSERVICE_SECRET_KEY", minimum=32) or secret_key(STATE_HOME)
DEBUG = env.flag("NNSERVICE_DEBUG", default=False)
ALLOWED_HOSTS = env.words("NNSERVICE_ALLOWED_HOSTS", LOOPBACK_NAMES)
AUTH_MODE = auth_mode()

INSTALLED_APPS = [
    "nnservice.apps.ServiceAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "nnservice.apps.ServiceConfig",
    "workflows",
]
MIDDLEWARE = [
    "workflows.operations.requests.RequestMiddleware",
    "workflows.operations.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "workflows.api.middleware.ApiMiddleware",
    "workflows.access.middleware.AccessMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "nnservice.urls"
WSGI_APPLICATION = "nnservice.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # the few static files of the packages are served from where pip put them

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]


SIGNS_OF_LIFE = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # milliseconds, the others are seconds
}
"""When a connection to PostgreSQL counts as lost."""


def _database() -> dict[str, Any]:
    url = env.text("DATABASE_URL")
    if url:
        database: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True))
        if "postgres" in database["ENGINE"]:
            # A host that answers nothing must not hold a request, or a heartbeat, for the minutes of TCP.
            # Of Django's own statements none is prepared, whatever the threshold: it puts the values in itself.
            database["OPTIONS"] = {"prepare_threshold": 1, **SIGNS_OF_LIFE, **database.get("OPTIONS", {})}
        return database
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": STATE_HOME / "db.sqlite3",
        "CONN_MAX_AGE": 60,
        "OPTIONS": {
            # Writers queue at BEGIN instead of failing when a read transaction turns into a write.
            "transaction_mode": "IMMEDIATE",
            "timeout": env.integer("NNSERVICE_SQLITE_SECONDS", 30, minimum=1),
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
        # A file, not ":memory:": threads and child processes of the tests must see one database.
        "TEST": {"NAME": STATE_HOME / "test.sqlite3"},
    }


DATABASES = {"default": _database()}

# Files -----------------------------------------------------------------------------------------------------------
FILES_ROOT = STATE_HOME / "files"
STORAGES = {
    "default": stored_in(env.text("STORAGE_URL"), FILES_ROOT),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
JOBS_ROOT = STATE_HOME / "jobs"
CACHE_ROOT = STATE_HOME / "cache"  # of what an S3 bucket holds
CACHE_BYTES = env.integer("NNSERVICE_CACHE_MB", 20_000, minimum=1) * 1_000_000
FILE_UPLOAD_HANDLERS = ["workflows.api.uploading.UploadHandler"]
FILE_UPLOAD_TEMP_DIR = FILES_ROOT / "incoming"  # on the disk of JOBS_ROOT: an upload is renamed, not copied
FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True)
DATA_UPLOAD_MAX_NUMBER_FILES = 100
MAX_UPLOAD_BYTES = env.integer("NNSERVICE_MAX_UPLOAD_MB", 20_000, minimum=1) * 1_000_000
DATA_UPLOAD_MAX_MEMORY_SIZE = env.integer("NNSERVICE_MAX_JSON_MB", 20, minimum=1) * 1_000_000
MAX_COLUMNS = env.integer("NNSERVICE_MAX_COLUMNS", 4096, minimum=1)
MAX_CELL_BYTES = env.integer("NNSERVICE_MAX_CELL_KB", 1000, minimum=1) * 1000

# Child processes: training, scoring, conversion ------------------------------------------------------------------
WORKER_CONCURRENCY = env.integer("NNSERVICE_WORKER_CONCURRENCY", 1, minimum=1)
TRAINING_THREADS = env.integer("NNSERVICE_TRAINING_THREADS", max(1, CPUS // WORKER_CONCURRENCY), minimum=1)
TRAINING_TIME_LIMIT = env.integer("NNSERVICE_TRAINING_TIME_LIMIT", 24 * 3600, minimum=1)
_MEMORY_MB = total_memory() // 1_000_000
_RESERVE_MB = env.integer("NNSERVICE_MEMORY_RESERVE_MB", max(500, _MEMORY_MB // 16), minimum=0)
_SHARE_MB = max(1_000, (_MEMORY_MB - _RESERVE_MB) // WORKER_CONCURRENCY)  # TensorFlow alone takes most of a gigabyte
MEMORY_RESERVE = _RESERVE_MB * 1_000_000
TRAINING_MEMORY_LIMIT = env.integer("NNSERVICE_TRAINING_MEMORY_MB", _SHARE_MB, minimum=100) * 1_000_000
SCORING_MEMORY_LIMIT = env.integer("NNSERVICE_SCORING_MEMORY_MB", min(4_000, _SHARE_MB), minimum=200) * 1_000_000
CONVERSION_MEMORY_LIMIT = env.integer("NNSERVICE_CONVERSION_MEMORY_MB", min(4_000, _SHARE_MB), minimum=200) * 1_000_000
UPLOADS_AT_ONCE = env.integer("NNSERVICE_UPLOADS_AT_ONCE", 32, minimum=1)
CONVERSIONS_AT_ONCE = env.integer("NNSERVICE_CONVERSIONS_AT_ONCE", CPUS, minimum=1)
CHECKPOINT_SECONDS = env.integer("NNSERVICE_CHECKPOINT_SECONDS", 5, minimum=0)
HEARTBEAT_SECONDS = env.integer("NNSERVICE_HEARTBEAT_SECONDS", 5, minimum=1)
HEARTBEAT_LOST_SECONDS = env.integer("NNSERVICE_HEARTBEAT_LOST_SECONDS", 60, minimum=2)
SWEEP_SECONDS = env.integer("NNSERVICE_SWEEP_SECONDS", 10, minimum=1)
MESSAGE_LOST_SECONDS = env.integer("NNSERVICE_MESSAGE_LOST_SECONDS", 10, minimum=1)
MAX_ATTEMPTS = env.integer("NNSERVICE_MAX_ATTEMPTS", 3, minimum=1)
# A job folder is not touched while a long training runs.
LEFTOVER_SECONDS = env.integer("NNSERVICE_LEFTOVER_SECONDS", TRAINING_TIME_LIMIT + 24 * 3600, minimum=1)

# Operation -------------------------------------------------------------------------------------------------------
WORKER_BEAT_SECONDS = 5
WORKER_LOST_SECONDS = 60
QUEUE_LIMIT_SECONDS = env.integer("NNSERVICE_QUEUE_LIMIT_SECONDS", 0, minimum=0)
METRICS_TOKEN = env.secret("NNSERVICE_METRICS_TOKEN", minimum=20)
KEEP_RUNS = env.integer("NNSERVICE_KEEP_RUNS", 0)
KEEP_DAYS = env.integer("NNSERVICE_KEEP_DAYS", 0, maximum=36_500)
KEEP_LOG_DAYS = env.integer("NNSERVICE_KEEP_LOG_DAYS", 0, maximum=36_500)
KEEP_AUDIT_DAYS = env.integer("NNSERVICE_KEEP_AUDIT_DAYS", 0, maximum=36_500)

# Watching what is predicted (workflows.watching) -----------------------------------------------------------------
LOG_QUEUE = env.integer("NNSERVICE_LOG_QUEUE", 10_000)
LOG_JOB_ROWS = env.integer("NNSERVICE_LOG_JOB_ROWS", 1000, minimum=0)
LOG_SAMPLE = env.share("NNSERVICE_LOG_SAMPLE", 1.0)
LOG_MASK = env.words("NNSERVICE_LOG_MASK", ())
KEEP_PREDICTION_DAYS = env.integer("NNSERVICE_KEEP_PREDICTION_DAYS", 30, maximum=36_500)

CELERY_BROKER_URL = broker_url(STATE_HOME)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Longer than the longest run, or Redis would deliver the message of a running training again.
    "visibility_timeout": TRAINING_TIME_LIMIT + 3600,
    "socket_connect_timeout": 3,
    "socket_timeout": 5,
    "queue_order_strategy": "priority",  # in the order of CELERY_TASK_QUEUES
}
# Thousands of files may wait to be scored: a training, and the sweeper, must not wait behind them.
SCORING_QUEUE = "scoring"
CELERY_TASK_QUEUES = [Queue("celery", routing_key="celery"), Queue(SCORING_QUEUE, routing_key=SCORING_QUEUE)]
CELERY_TASK_ROUTES = {f"workflows.tasks.{name}": {"queue": SCORING_QUEUE} for name in ("score_file", "score_job")}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.1, "interval_max": 0.5}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = {
    # Workers that no message reaches, for all of them train, do it by themselves (workflows.execution.housekeeping).
    "keep-house": {"task": "workflows.tasks.keep_house", "schedule": 3600.0, "options": {"expires": 600}},
}

# Who may do what -------------------------------------------------------------------------------------------------
# Paths that a stranger may GET; every other view asks for a token itself, or is refused (workflows.access).
PUBLIC_PATHS = ["/", "/api/docs/", "/api/schema/"]
SELF_GUARDED_PATHS = ["/admin/", "/metrics"]  # with a guard of their own
KNOX_TOKEN_MODEL = "workflows.Token"  # noqa: S105 - the name of a model
MIGRATION_MODULES = {"knox": None}  # its own token table is not used
MAX_TOKEN_DAYS = env.integer("NNSERVICE_MAX_TOKEN_DAYS", 365, minimum=1, maximum=36_500)
TOKEN_DAYS = env.integer("NNSERVICE_TOKEN_DAYS", min(90, MAX_TOKEN_DAYS), minimum=1, maximum=MAX_TOKEN_DAYS)
TOKEN_CACHE_SECONDS = env.integer("NNSERVICE_TOKEN_CACHE_SECONDS", 5, maximum=10)
REST_KNOX = {
    "TOKEN_TTL": timedelta(days=TOKEN_DAYS),
    "TOKEN_PREFIX": "nns_",  # found by scanners of leaked secrets
    "AUTH_HEADER_PREFIX": "Bearer",
}
TLS = env.flag("NNSERVICE_TLS", default=False)
PROXIES = env.integer("NNSERVICE_PROXIES", 1 if TLS else 0)  # one ends TLS
THROTTLES = {
    "user": env.rate("NNSERVICE_THROTTLE_USER", "off" if AUTH_MODE == OPEN else "6000/minute"),
    "stranger": env.rate("NNSERVICE_THROTTLE_STRANGER", "off" if AUTH_MODE == OPEN else "60/minute"),
}
THROTTLES |= env.login_rates(THROTTLES["stranger"])
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": [cache_url(STATE_HOME)],  # a text would be split at commas, which a password may have
        "KEY_PREFIX": "nnservice",
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    }
}
QUOTAS = {
    "networks": env.integer("NNSERVICE_QUOTA_NETWORKS", 0),
    "bytes": env.integer("NNSERVICE_QUOTA_STORED_MB", 0) * 1_000_000,
    "runs": env.integer("NNSERVICE_QUOTA_OPEN_RUNS", 0),
    "n_hidden": env.integer("NNSERVICE_QUOTA_N_HIDDEN", 0),
    "rows": env.integer("NNSERVICE_QUOTA_ROWS", 0),
    "iter": env.integer("NNSERVICE_QUOTA_ITER", 0),
}

# Behind TLS, which a proxy ends: it must set X-Forwarded-Proto itself, whatever the client sent.
if TLS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^metrics$"]  # asked from inside, without the proxy
    SECURE_HSTS_SECONDS = env.integer("NNSERVICE_HSTS_SECONDS", 31_536_000, maximum=10**9)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("NNSERVICE_HSTS_SUBDOMAINS", default=False)
    SECURE_HSTS_PRELOAD = env.flag("NNSERVICE_HSTS_PRELOAD", default=False)
    # Other hosts of the domain, and browsers' own lists, are for whoever runs this to speak for.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
CSRF_TRUSTED_ORIGINS = env.words("NNSERVICE_CSRF_TRUSTED_ORIGINS", ())

# API -------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": [
        "workflows.api.representation.NninfoRenderer",
        "rest_framework.renderers.JSONRenderer",
        "workflows.api.representation.PageRenderer",
    ],
    "DEFAULT_PARSER_CLASSES": ["workflows.api.parsers.JSONObjectParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "workflows.api.representation.StrictNegotiation",
    "DEFAULT_AUTHENTICATION_CLASSES": ["workflows.access.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["workflows.access.permissions.DeclaredPermission"],
    "NUM_PROXIES": PROXIES,
    "DEFAULT_SCHEMA_CLASS": "workflows.api.schema.ServiceSchema",
    "EXCEPTION_HANDLER": "workflows.api.exceptions.answer_exception",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "nnservice",
    "DESCRIPTION": "Define, train and serve anomaly-detection models. Plain JSON with `Accept: application/json`.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["workflows.access.permissions.DeclaredPermission"],
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["workflows.api.schema.any_of_several", "workflows.api.schema.open_to_all"],
}

LOGGING = logging_settings(env.choice("NNSERVICE_LOG_FORMAT", "line", FORMATS), env.text("NNSERVICE_LOG_LEVEL", "INFO"))
