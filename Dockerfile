# Two stages: a full toolchain builds, a small image runs what it built as a user that may do nothing else.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --locked --release --bin backstamp

FROM debian:bookworm-slim
# Certificates for calls to the mail provider, curl for the health check.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home backstamp \
    && install --directory --owner backstamp --mode 0700 /var/lib/backstamp
COPY --from=build /src/target/release/backstamp /usr/local/bin/backstamp
USER backstamp
WORKDIR /var/lib/backstamp
# Inside a container loopback reaches nobody. The sandbox refuses this address: it is for one machine.
ENV BACKSTAMP_LISTEN=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=40s \
    CMD ["curl", "--fail", "--silent", "--output", "/dev/null", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["backstamp"]
