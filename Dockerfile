# One static file in an empty image: no shell, no package, no root.
#   docker build -t slipway:0.1.0 .     or     buildah build -t slipway:0.1.0 .

FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
ARG REVISION=unknown
ENV SLIPWAY_REVISION=$REVISION
# .cargo/config.toml asks for a static file of the build machine's own target; its folder's name is the target's.
RUN cargo build --release --locked --bin slipway \
 && cp target/*-linux-*/release/slipway /slipway

FROM scratch
COPY --from=build /slipway /slipway
USER 65532:65532
ENTRYPOINT ["/slipway"]
