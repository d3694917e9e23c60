# Two images: `serving`, the default, and `training`.
#
#   docker build --target serving --tag ccfpse-serving .
#   docker run --rm -p 127.0.0.1:8501:8501 ccfpse-serving
#
#   docker build --target training --tag ccfpse-training .
#   docker run --rm -v "$PWD/data:/data" ccfpse-training recipes/scenes.py --help
#
# Packages have the versions of uv.lock. docs/docker.md says how to use GPUs.

FROM python:3.12-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_PROJECT_ENVIRONMENT=/opt/ccfpse \
    UV_PYTHON_DOWNLOADS=never
RUN useradd --create-home --uid 1000 ccfpse \
    && pip install --no-cache-dir uv==0.13.9
WORKDIR /app
COPY pyproject.toml uv.lock ./
# The packages come before the sources, which change more often.
RUN uv sync --locked --no-dev --no-install-project
COPY LICENSE README.md setup.cfg ./
COPY ccfpse_tf ccfpse_tf
RUN uv sync --locked --no-dev --no-editable
ENV PATH=/opt/ccfpse/bin:$PATH

FROM base AS training
# A further extra; cuda: the packages that TensorFlow needs for NVIDIA's GPUs, 3 GB.
ARG EXTRA=features
RUN uv sync --locked --no-dev --no-editable --extra features --extra "$EXTRA"
COPY recipes recipes
COPY tfrecords tfrecords
RUN mkdir /data && chown 1000 /data
USER 1000
VOLUME /data
ENTRYPOINT ["python"]
CMD ["recipes/folder.py", "--help"]

FROM base AS serving
RUN uv sync --locked --no-dev --no-editable --extra serving
USER 1000
EXPOSE 8501
# A port of a container is often published on the loopback address, which every web page
# in the user's browser reaches: only that address's own names are accepted, and those of
# further --allow-host.
ENTRYPOINT ["ccfpse", "serve", "--host", "0.0.0.0", "--allow-host", "localhost"]
