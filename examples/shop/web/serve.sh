#!/bin/sh
# Runs until it is stopped: busybox's nc hands each connection to answer.sh.
set -eu
./rewire.sh
exec nc -ll -p "${CONTAINER_HTTP:-8080}" -e ./answer.sh
