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
  [docker-registry]=docker-registry
  [debootstrap]=debootstrap
  [systemd-nspawn]=systemd-container
)

# A small root of this machine's distribution, whose systemd the tests boot; made once (half a minute), never changed by a test.
make_systemd_tree() {
  local tree=${LANISTA_SYSTEMD_TREE:-/var/cache/lanista-test/systemd-tree} suite mirror
  [ -e "$tree/lib/systemd/systemd" ] && return
  if [ "$(id -u)" -ne 0 ] || ! PATH="$PATH:/usr/sbin" command -v debootstrap >/dev/null 2>&1; then
    echo "setup-test-host: no root, or no debootstrap, to make $tree; tests of systemd will fail" >&2
    return
  fi
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
    sed -En "s#^$suite (.*/(debian|ubuntu)/?)\$#\1#p" | head -n 1)
  mkdir -p "$(dirname "$tree")" && rm -rf "$tree.new"
  PATH="$PATH:/usr/sbin" debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,polkitd \
    "$suite" "$tree.new" ${mirror:+"$mirror"} >"$tree.log" 2>&1 &&
    rm -f "$tree.new"/var/cache/apt/archives/*.deb && mv "$tree.new" "$tree" ||
    echo "setup-test-host: could not make $tree (see $tree.log); tests of systemd will fail" >&2
}

install_packages() {
  local missing=() command policy=/usr/sbin/policy-rc.d
  for command in "${!packages[@]}"; do
    PATH="$PATH:/usr/sbin" command -v "$command" >/dev/null 2>&1 || missing+=("${packages[$command]}")
  done
  [ ${#missing[@]} -eq 0 ] && return
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "setup-test-host: install by hand: ${missing[*]} (no apt-get on this machine)" >&2
    return
  fi
  if [ "$(id -u)" -ne 0 ]; then
    echo "setup-test-host: run as root, or install by hand: apt-get install ${missing[*]}" >&2
    return
  fi
  export DEBIAN_FRONTEND=noninteractive
  # Debian starts what it installs; a test machine wants the programs, not the services.
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  apt-get update -qq >/dev/null 2>&1 || echo "setup-test-host: apt-get update failed; trying with the lists at hand" >&2
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1 ||
    echo "setup-test-host: could not install ${missing[*]}; tests that need them will fail" >&2
}

install_packages
make_systemd_tree
exit 0
