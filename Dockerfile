# syntax=docker/dockerfile:1
# Two stages: a full toolchain builds, a small image without a shell runs what it built, as a user that may do
# nothing else.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# What was downloaded and compiled before stays with the builder, not with the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --bin backstamp \
    && install -D target/release/backstamp /out/backstamp \
    && install --directory /out/data

# The same Debian's C library, the certificates of the usual authorities, and nothing else.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="backstamp" \
      org.opencontainers.image.description="Account mail with proof of arrival" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /out/backstamp /usr/local/bin/backstamp
# Settings in files, and SQLite's file, if there are any. A volume that is mounted here takes over the owner.
COPY --from=build --chown=65532:65532 --chmod=0700 /out/data /var/lib/backstamp
WORKDIR /var/lib/backstamp
USER 65532:65532
# Inside a container loopback reaches nobody. The sandbox refuses this address: it is for one machine.
ENV BACKSTAMP_LISTEN=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=40s CMD ["backstamp", "healthcheck"]
ENTRYPOINT ["backstamp"]
