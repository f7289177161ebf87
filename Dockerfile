# The image holds one static program and the certificates that it checks others by. Build it with
# `make image`, which takes the context from the commit itself, not from the working tree.
#
# Both stages are pinned by version. To pin them by digest as well, as a release should, replace
#   golang:1.26.8-bookworm   by   golang:1.26.8-bookworm@sha256:…
# with the digest that `docker buildx imagetools inspect golang:1.26.8-bookworm` prints. The second
# stage is empty, so there is nothing to pin in it.

FROM golang:1.26.8-bookworm AS build
WORKDIR /src

# Modules change seldom, and go.sum says what they must be: a layer of their own may be reused.
COPY go.mod go.sum ./
RUN go mod download

COPY . .

# The commit is part of the key of every layer below: no layer of another commit is reused, and a
# program that says another commit than asked for does not leave the build.
ARG COMMIT
RUN test -n "$COMMIT" || { echo "say --build-arg COMMIT=\$(git rev-parse HEAD), or use make image" >&2; exit 1; }
RUN make build COMMIT="$COMMIT" && bin/igny8 version --json | grep -F "\"commit\":\"$COMMIT\""

FROM scratch
ARG COMMIT
LABEL org.opencontainers.image.title="igny8 accounts" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="$COMMIT"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/bin/igny8 /igny8
# A number, because an empty image has no list of users, and so that an orchestrator can see that it
# is not root.
USER 65532:65532
ENV IGNY8_ADDR=:8080
EXPOSE 8080
# Whether the process lives. Whether it can answer is for the load balancer to ask, at /readyz: an
# outage of the database must not get the service restarted.
HEALTHCHECK --interval=10s --timeout=4s --start-period=10s --retries=3 CMD ["/igny8", "healthcheck"]
ENTRYPOINT ["/igny8"]
CMD ["serve"]
