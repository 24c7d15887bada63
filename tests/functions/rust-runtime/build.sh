#!/bin/sh
# build.sh [FOLDER]: makes the code folder (default: build/ beside this script).
set -eu
. "$(dirname -- "$0")/../build-lib.sh"
begin "$0" "${1:-}"
up_to_date "$(rustc -V)" -- build.sh Cargo.toml Cargo.lock src/main.rs && exit 0

need cc gcc libc6-dev
nice -n 5 cargo build --locked --manifest-path Cargo.toml --target-dir target >&2
staging
cp target/debug/bootstrap "$tmp/"
finish
