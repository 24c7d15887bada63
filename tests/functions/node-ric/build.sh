#!/bin/sh
# build.sh [FOLDER]: makes the code folder (default: build/ beside this script).
set -eu
. "$(dirname -- "$0")/../build-lib.sh"
begin "$0" "${1:-}"
up_to_date "$(node -v)" -- build.sh package.json package-lock.json bootstrap app.mjs && exit 0

# The client has a native part: it makes its own libcurl (autotools) and aws-lambda-cpp (cmake)
# from sources inside the package, then an add-on with node-gyp (python3, make, g++).
need autoreconf autoconf automake libtool
need libtoolize libtool automake autoconf
need cmake cmake
need make make
need g++ g++
need python3 python3
# node-gyp would download Node's headers: use the ones installed with Node.
prefix=$(node -p 'require("path").resolve(process.execPath, "../..")')
if [ ! -f "$prefix/include/node/node_api.h" ]; then
    echo "node-ric: no Node headers in $prefix/include/node" >&2
    exit 1
fi
export npm_config_nodedir="$prefix" MAKEFLAGS=-j2

# The package's own install scripts are run by hand, so that it makes no difference whether
# this npm runs install scripts by itself.
nice -n 5 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
staging
if ! (
    cd node_modules/aws-lambda-ric
    nice -n 5 ./scripts/preinstall.sh && nice -n 5 ./scripts/postinstall.sh
) >native.log 2>&1; then
    tail -n 60 native.log >&2
    exit 1
fi
mkdir "$tmp/node_modules"
cp -R node_modules/aws-lambda-ric "$tmp/node_modules/"
rm -rf "$tmp/node_modules/aws-lambda-ric/deps"
cp bootstrap app.mjs package.json "$tmp/"
finish
rm -rf node_modules native.log
