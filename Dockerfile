# The server alone; PostgreSQL is elsewhere (see docker-compose.yml). Needs DATABASE_URL and SAFESTORIES_JWT_SECRET, or files that
# DATABASE_URL_FILE and SAFESTORIES_JWT_SECRET_FILE name. The images are named by digest: newer ones are a change of this file
# (`docker buildx imagetools inspect debian:bookworm-slim`).

FROM rust:1.95-bookworm@sha256:6258907abe69656e41cd992e0b705cdcfabcbbe3db374f92ed2d47121282d4a1 AS build
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    cargo build --release --locked && cp target/release/safestories /usr/local/bin/

FROM debian:bookworm-slim@sha256:3783cc01769c7b2b1b83a5c5ad96c815348e28ed7da68e2e3687004faa906251
COPY --from=build /usr/local/bin/safestories /usr/local/bin/
# A number, so that orchestrators see that it is not root. The server writes no file.
USER 10001:10001
ENV SAFESTORIES_LISTEN=0.0.0.0:8080 SAFESTORIES_LOG_FORMAT=json
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $line == *' 200 '* ]]"]
ENTRYPOINT ["safestories"]
CMD ["serve"]
