#!/usr/bin/env bash
# Installs what the tests need on a Debian or Ubuntu machine. Idempotent; says what it cannot do and never fails for it:
# a test whose real component is missing fails by itself, with the component's name.
set -u

declare -A packages=(
  [nats-server]=nats-server
  [mosquitto_sub]=mosquitto-clients
  [ip]=iproute2
  [victoria-metrics]=victoria-metrics
  [influxd]=influxdb
  [carbon-cache]=graphite-carbon
  [dockerd]=docker.io
  [busybox]=busybox-static
)

missing=()
for command in "${!packages[@]}"; do
  PATH="$PATH:/usr/sbin" command -v "$command" >/dev/null 2>&1 || missing+=("${packages[$command]}")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "setup-test-host: install by hand: ${missing[*]} (no apt-get on this machine)" >&2
  exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "setup-test-host: run as root, or install by hand: apt-get install ${missing[*]}" >&2
  exit 0
fi

export DEBIAN_FRONTEND=noninteractive
# Debian starts what it installs; a test machine wants the programs, not the services.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq >/dev/null 2>&1 || echo "setup-test-host: apt-get update failed; trying with the lists at hand" >&2
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1 ||
  echo "setup-test-host: could not install ${missing[*]}; tests that need them will fail" >&2
exit 0
