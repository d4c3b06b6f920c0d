# The emulator as an image. It needs the Docker Engine's socket and a volume for its data:
#   docker run -v /var/run/docker.sock:/var/run/docker.sock -p 127.0.0.1:4567:4567 sagemaker-training-emulator
# Where pip needs another certificate authority, put its bundle at build/ca-bundle.pem; it does not enter the image.
ARG BASE_IMAGE=python:3.11-slim

FROM ${BASE_IMAGE} AS build
ARG PIP_INDEX_URL
WORKDIR /src
COPY requirements.lock requirements-build.lock build/ca-bundle.pe[m] ./
RUN if [ -f ca-bundle.pem ]; then export PIP_CERT=/src/ca-bundle.pem; fi \
    && python3 -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock \
    && python3 -m venv /opt/emulator \
    && /opt/emulator/bin/pip install --no-cache-dir --no-compile --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE* ./
COPY emulator emulator
RUN /opt/build/bin/hatchling build -t wheel -d /wheels \
    && /opt/emulator/bin/pip install --no-index --no-deps --no-compile /wheels/*.whl \
    && /opt/emulator/bin/pip uninstall --yes --quiet pip setuptools

FROM ${BASE_IMAGE}
COPY --from=build /opt/emulator /opt/emulator
COPY scripts/container_entrypoint.sh /usr/local/bin/container_entrypoint.sh
ENV PATH=/opt/emulator/bin:${PATH} \
    PYTHONUNBUFFERED=1 \
    SAGEMAKER_EMULATOR_HOST=0.0.0.0 \
    SAGEMAKER_EMULATOR_DATA_DIR=/var/lib/sagemaker-emulator
VOLUME /var/lib/sagemaker-emulator
EXPOSE 4567
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=5 \
    CMD ["python3", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('SAGEMAKER_EMULATOR_PORT', '4567') + '/_emulator/health', timeout=4)"]
ENTRYPOINT ["container_entrypoint.sh"]
CMD ["serve"]
