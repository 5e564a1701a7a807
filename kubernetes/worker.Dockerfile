# docker build --tag augment-dataset-worker:0.1.0 --file kubernetes/worker.Dockerfile .
# The image of this project, and what creates jobs.
FROM augment-dataset:0.1.0
USER 0
RUN /opt/venv/bin/python -m pip install --no-cache-dir prefect-kubernetes==0.7.13
USER 1000
HEALTHCHECK NONE
CMD ["prefect", "worker", "start", "--pool", "augment-dataset", "--type", "kubernetes", "--with-healthcheck"]
