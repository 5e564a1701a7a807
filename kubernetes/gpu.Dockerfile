# docker build --tag augment-dataset-gpu:0.1.0 --file kubernetes/gpu.Dockerfile .
# The image of this project, and what TensorFlow needs to use a GPU.
FROM augment-dataset:0.1.0
USER 0
RUN /opt/venv/bin/python -m pip install --no-cache-dir "tensorflow[and-cuda]==2.21.0"
USER 1000
