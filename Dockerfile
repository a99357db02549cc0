# tlstrace as a static binary and nothing else: no shell, no libc, no package manager. The BPF objects are in the tree, so no compiler for
# BPF is needed.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --build-arg VERSION=v1.2.3 --build-arg COMMIT=0123456789ab -t REGISTRY/tlstrace:v1.2.3 .
#
# A release names the compiler's image by its digest: --build-arg GO_IMAGE=golang:1.26.8-bookworm@sha256:...
ARG GO_IMAGE=golang:1.26.8-bookworm

# Go compiles for other machines itself: this stage always runs on the builder's own architecture.
FROM --platform=$BUILDPLATFORM $GO_IMAGE AS build
ARG TARGETOS=linux
ARG TARGETARCH
ARG VERSION=dev
ARG COMMIT=
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# The version is an argument: the history is not in the context.
RUN GOOS="$TARGETOS" GOARCH="$TARGETARCH" GOFLAGS=-buildvcs=false make build VERSION="$VERSION" COMMIT="$COMMIT"

FROM scratch
ARG VERSION=dev
ARG COMMIT=
LABEL org.opencontainers.image.title="tlstrace" \
      org.opencontainers.image.description="Why TLS handshakes fail, for every process on a node" \
      org.opencontainers.image.source="https://github.com/tlstrace/tlstrace" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT" \
      org.opencontainers.image.licenses="Apache-2.0"
# The certificates of public authorities, for an OTLP collector outside of the cluster. The API server has its own.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/LICENSE /LICENSE
COPY --from=build /src/bin/tlstrace /tlstrace
# Root, because the kernel asks for capabilities to load and attach BPF programs, and container runtimes give those to root only: another
# user's are taken away when the program starts, and file capabilities count for nothing where privilege escalation is
# forbidden. Which ones it needs, and what fails without each, is in docs/install.md; it needs no others.
USER 0:0
ENTRYPOINT ["/tlstrace"]
