# One static file in an empty image: no shell, no package, no root.
#   docker build -t slipway:0.1.0 .     or     buildah build -t slipway:0.1.0 .
# A second image holds the migration tools goose and golang-migrate, for the chart's toolImages:
#   docker build --target tools -t tools:1 .

FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
ARG REVISION=unknown
ENV SLIPWAY_REVISION=$REVISION
# .cargo/config.toml asks for a static file of the build machine's own target; its folder's name is the target's.
RUN cargo build --release --locked --bin slipway \
 && cp target/*-linux-*/release/slipway /slipway

# Their versions are locked in the module files by which the project's tests build them.
FROM golang:1.26-bookworm AS build-tools
WORKDIR /source
COPY tests/cluster/programs tests/cluster/programs
ENV CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false -mod=readonly"
RUN cd tests/cluster/programs/goose \
 && go build -ldflags "-s -w" -tags no_clickhouse,no_libsql,no_mssql,no_sqlite3,no_vertica,no_ydb -o /goose github.com/pressly/goose/v3/cmd/goose
RUN cd tests/cluster/programs/golang-migrate \
 && go build -ldflags "-s -w" -tags postgres,pgx5,mysql -o /migrate github.com/golang-migrate/migrate/v4/cmd/migrate

FROM scratch AS tools
COPY --from=build-tools /goose /goose
COPY --from=build-tools /migrate /migrate
USER 65532:65532

FROM scratch
COPY --from=build /slipway /slipway
USER 65532:65532
ENTRYPOINT ["/slipway"]
