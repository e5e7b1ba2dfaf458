# One image for the whole job, for amd64; Dockerfile.arm64 is the same for Graviton
#   --target ray       this image with Ray and XGBoost beside the rest, for jobs of several hosts
#   BASE               another base, or this one by its digest: debian:bookworm-slim@sha256:…
#   SOURCE_DATE_EPOCH  the time that files get; build.sh gives that of the last commit
ARG BASE=debian:bookworm-slim
ARG PLATFORM=linux/amd64

FROM --platform=${PLATFORM} ${BASE} AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
ENV DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1
# The Java package links its manual pages and fails where slim images have no place for them
RUN mkdir -p /usr/share/man/man1 \
 && apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends binutils openjdk-17-jdk-headless python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
# Only the Java modules that Multi Model Server uses
RUN jlink --output /opt/java --strip-debug --no-header-files --no-man-pages --compress 2 \
      --add-modules java.base,java.desktop,java.management,java.naming,java.net.http,java.scripting,java.sql,java.xml,jdk.crypto.ec,jdk.management,jdk.unsupported,jdk.zipfs
RUN python3 -m venv /opt/fleetcast
COPY requirements/image.txt /src/requirements/image.txt
RUN /opt/fleetcast/bin/pip install --quiet --require-hashes -r /src/requirements/image.txt
# Netty's own library is put where Java looks first: it would unpack it into /tmp, which Docker's --tmpfs mounts noexec,
# and without it Multi Model Server speaks to its workers by TCP instead of Unix sockets
RUN cd /opt/fleetcast/lib/python3*/site-packages/mms/frontend \
 && /opt/fleetcast/bin/python -m zipfile -e model-server.jar /tmp/jar \
 && mv "/tmp/jar/META-INF/native/libnetty_transport_native_epoll_$(uname -m | sed s/aarch64/aarch_64/).so" /opt/java/lib/

# What the ray image has beside the rest lies in a folder of its own, and becomes one layer on top of the default image
FROM build AS build-ray
COPY requirements/image-ray.txt /src/requirements/image-ray.txt
RUN cd /opt/fleetcast/lib/python3*/site-packages \
 && /opt/fleetcast/bin/pip install --quiet --require-hashes --no-deps --target "/ray$PWD" -r /src/requirements/image-ray.txt
COPY container/image/slim_ray.sh /src/slim_ray.sh
ARG SOURCE_DATE_EPOCH=0
RUN /src/slim_ray.sh /opt/fleetcast/bin/python /ray/opt/fleetcast/lib/python3*/site-packages

FROM build AS build-default
COPY pyproject.toml README.md LICENSE /opt/fleetcast/app/
COPY fleetcast /opt/fleetcast/app/fleetcast
COPY container /opt/fleetcast/app/container
COPY pipeline /opt/fleetcast/app/pipeline
COPY processing /opt/fleetcast/app/processing
COPY serving /opt/fleetcast/app/serving
COPY train /opt/fleetcast/app/train
ARG SOURCE_DATE_EPOCH=0
RUN /opt/fleetcast/bin/pip install --quiet --no-deps --editable /opt/fleetcast/app \
 && /opt/fleetcast/bin/pip uninstall --quiet --yes pip \
 && /opt/fleetcast/app/container/image/slim.sh /opt/fleetcast /opt/java

FROM --platform=${PLATFORM} ${BASE} AS default
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends libgomp1 libpython3-stdlib python3-minimal tini tzdata zlib1g \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/ldconfig/* /var/log/*
COPY --from=build-default /opt/java /opt/java
COPY --from=build-default /opt/fleetcast /opt/fleetcast
ENV PATH=/opt/fleetcast/bin:$PATH \
    JAVA_HOME=/opt/java \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
LABEL com.amazonaws.sagemaker.capabilities.multi-models=true \
      com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true \
      org.opencontainers.image.title=fleetcast \
      org.opencontainers.image.description="One Prophet forecasting model per customer: process, train and serve a whole fleet" \
      org.opencontainers.image.licenses=Apache-2.0
EXPOSE 8080
# tini is process 1: it reaps orphans and hands signals on
ENTRYPOINT ["/usr/bin/tini", "--", "fleetcast"]

FROM default AS ray
COPY --from=build-ray /ray /

# Without --target the default image is built
FROM default
