# One image for every process of the service: web, worker, beat and the migration (docker-compose.yml).
FROM python:3.12.11-slim-bookworm AS base

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    NNSERVICE_HOME=/var/lib/nnservice \
    NNSERVICE_BIND=0.0.0.0

RUN useradd --system --uid 10001 --home-dir /var/lib/nnservice --create-home nnservice \
    && chmod 700 /var/lib/nnservice

WORKDIR /srv/nnservice

# Before the sources, so that a change of them does not install TensorFlow again.
COPY requirements.txt constraints.txt ./
RUN pip install -r requirements.txt

COPY manage.py ./
COPY algorithms algorithms
COPY nnservice nnservice
COPY workflows workflows
RUN python -m compileall -q algorithms nnservice workflows

USER nnservice
VOLUME /var/lib/nnservice

# The page of workers and tasks (profile `flower`).
FROM base AS flower
USER root
COPY requirements-flower.txt ./
RUN pip install -r requirements-flower.txt
USER nnservice
EXPOSE 5555
CMD ["python", "-m", "celery", "-A", "nnservice", "flower", "--port=5555"]

FROM base AS service
EXPOSE 8000
CMD ["python", "-m", "nnservice.programs", "web"]
