# tlstrace as a static binary and nothing else. The BPF objects are in the tree: no compiler for BPF is needed.
FROM golang:1.26-bookworm AS build
ARG VERSION=dev
ARG COMMIT=
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN make build VERSION="$VERSION" COMMIT="$COMMIT"

FROM scratch
LABEL org.opencontainers.image.title="tlstrace" \
      org.opencontainers.image.description="Why TLS handshakes fail, for every process on a node" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /src/bin/tlstrace /tlstrace
COPY --from=build /src/LICENSE /LICENSE
# Loading BPF programs needs root in the container, and CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON (or privileged).
ENTRYPOINT ["/tlstrace"]
