#!/bin/sh
# Before the start: the database's address must be known, or there is nothing to serve.
set -eu
[ -n "${CLOUD_SQL:-}" ] || { echo "no database: CLOUD_SQL is empty" >&2; exit 1; }
