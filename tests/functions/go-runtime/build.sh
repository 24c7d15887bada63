#!/bin/sh
# build.sh [FOLDER]: makes the code folder (default: build/ beside this script).
set -eu
. "$(dirname -- "$0")/../build-lib.sh"
begin "$0" "${1:-}"
up_to_date "$(go version)" -- build.sh go.mod go.sum main.go && exit 0

staging
export CGO_ENABLED=0 GOWORK=off GOTOOLCHAIN=local GOFLAGS=
nice -n 5 go build -mod=readonly -trimpath -buildvcs=false -ldflags='-s -w' \
    -tags lambda.norpc -o "$tmp/bootstrap" . >&2
finish
