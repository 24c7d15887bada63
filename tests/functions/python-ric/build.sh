#!/bin/sh
# build.sh [FOLDER]: makes the code folder (default: build/ beside this script).
set -eu
. "$(dirname -- "$0")/../build-lib.sh"
begin "$0" "${1:-}"
need python3 python3
# The client has a native part, so the folder is for one Python version only.
up_to_date "$(python3 -VV)" -- build.sh requirements.txt bootstrap app.py && exit 0

python3 -m pip --version >/dev/null 2>&1 || need pip-is-missing python3-pip
staging
PIP_ROOT_USER_ACTION=ignore nice -n 5 python3 -m pip install --quiet --disable-pip-version-check --no-input \
    --no-compile --no-deps --target "$tmp/python" -r requirements.txt >&2
cp bootstrap app.py "$tmp/"
finish
