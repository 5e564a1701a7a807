# docker build --tag augment-dataset .
# The same image is worker, server and Dask worker: see compose.yaml and docs/kubernetes.md.

FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
RUN python -m venv /opt/venv
WORKDIR /app
COPY requirements.lock ./
RUN /opt/venv/bin/pip install --no-deps --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE prefect.yaml automations.yaml ./
COPY datasets datasets
COPY gan gan
COPY tasks tasks
COPY flows flows
COPY examples examples
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation --editable .

FROM python:3.11-slim
LABEL org.opencontainers.image.title="augment-dataset" \
      org.opencontainers.image.description="Turns raw images into verified training data, and into synthetic data that passes its gates" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --create-home --uid 1000 augment \
    && mkdir --parents /data/workspace /data/published /home/augment/.prefect \
    && chown --recursive augment: /data /home/augment
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    DO_NOT_TRACK=1 \
    MALLOC_TRIM_THRESHOLD_=67108864 \
    MALLOC_MMAP_THRESHOLD_=16777216
USER 1000
WORKDIR /app
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/health', timeout=5)"]
CMD ["prefect", "worker", "start", "--pool", "augment-dataset", "--with-healthcheck"]
