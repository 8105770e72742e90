#!/bin/sh
# Runs until it is stopped: busybox's nc hands each connection to answer.sh. The first process of a container hears no signal that it has not
# asked for; this one ends when it is told to.
set -eu
./rewire.sh
nc -ll -p "${CONTAINER_HTTP:-8080}" -e ./answer.sh &
server=$!
trap 'kill $server' TERM
wait $server
