# Short names for what cargo does. `cargo demo` and `cargo test` need no just.

# Show the main job on a real cluster of your own machine
demo *flags:
    cargo demo -- {{flags}}

# Prove everything
test *flags:
    cargo test {{flags}}

# Prove what takes too long for each change: a storm of 505 runs from a fixed seed, and the longest walks of the models
night:
    SLIPWAY_STORM_SEED=2026 SLIPWAY_STORM_RUNS=505 cargo test --test storm whatever_is_killed -- --nocapture
    CARGO_PROFILE_DEV_OPT_LEVEL=1 cargo test --test arm_model --test gate_model --test election_model -- --ignored --nocapture

# Print the figures of a release build, from the scenarios that measure
figures *names="recorded_soon little_memory what_the_model_says two_names two_hundred":
    cargo build --release --bin slipway
    cargo test --test scenarios -- --program=$(ls target/*-linux-*/release/slipway) {{names}}

# Format, clippy, licenses
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    cargo deny --offline check bans licenses sources

# Write what is made from the code: definitions, roles, the chart's copies
crds:
    UPDATE_GENERATED=1 cargo test --test generated
    UPDATE_GENERATED=1 cargo test --test rights

# Build the image with whatever builds images here
image tag="slipway:0.1.0":
    $(command -v docker || command -v podman || command -v buildah) build -t {{tag}} .

# Start a cluster and leave it up
up:
    cargo demo -- --keep

# Tear it down
down:
    cargo run --quiet --example cluster -- down
