#!/bin/sh
# Starts the agent: the bundle that `current` points at, else the one beside this file. It is what brings the agent back from an upgrade that
# does not work, so no upgrade ever replaces it; the files it reads and writes are in agent/upgrade/README.md. POSIX shell and coreutils or busybox.
#
#   LANISTA_BUNDLES=/var/lib/lanista/bundles launch.sh run --config …
set -u
factory=$(dirname "$0")
bundles=${LANISTA_BUNDLES:-}
node=${LANISTA_NODE:-/usr/bin/node}
starts_max=3

onto_disk() {
  sync "$@" "$bundles" 2>/dev/null || sync
}

# All at once: whoever looks finds the old link or the new one.
point_at() {
  if [ "$1" = factory ]; then
    rm -f "$bundles/current"
  else
    rm -f "$bundles/current.new"
    ln -s "$1" "$bundles/current.new" && mv -fT "$bundles/current.new" "$bundles/current"
  fi
  onto_disk
}

# The trial is over, with this reason, unless it was confirmed just now: one of two renames wins.
give_up() {
  echo "$1" >"$bundles/reason.new" && mv -f "$bundles/reason.new" "$bundles/reason"
  onto_disk "$bundles/reason"
  mv "$bundles/trial" "$bundles/overdue" 2>/dev/null
}

count_starts() {
  if [ -f "$bundles/starts" ]; then wc -l <"$bundles/starts"; else echo 0; fi
}

# Back to the bundle before; done again from the top when it was cut short.
roll_back() {
  read -r _ from _ <"$bundles/overdue"
  point_at "${from:-factory}"
  mv -f "$bundles/overdue" "$bundles/rolled-back"
  onto_disk
}

# A process of its own, which knows nothing of what it watches: a bundle that is not confirmed in time is ended, whatever it does.
watch_over() {
  mine=$(count_starts)
  # the shell in between ends at once, so that nobody's child is left behind
  (
    (
      sleep "$1"
      [ "$(cat "$bundles/trial" 2>/dev/null)" = "$2" ] || exit 0
      [ "$(count_starts)" = "$mine" ] || exit 0
      give_up "it was not confirmed within $1 s" && kill -KILL $$
    ) </dev/null >/dev/null 2>&1 &
  )
}

try_out() {
  read -r trial <"$bundles/trial"
  read -r _ _ to gate <"$bundles/trial"
  echo $$ >>"$bundles/starts"
  onto_disk "$bundles/starts"
  point_at "$to"
  watch_over "$gate" "$trial"
}

if [ "${1:-}" = run ] && [ -d "$bundles" ]; then
  if [ -f "$bundles/trial" ] && [ "$(count_starts)" -ge "$starts_max" ]; then
    give_up "it ended $starts_max times before it was confirmed"
  fi
  if [ -f "$bundles/overdue" ]; then
    roll_back
  elif [ -f "$bundles/trial" ]; then
    try_out
  fi
fi

bundle=$factory
[ -n "$bundles" ] && [ -f "$bundles/current/agent.mjs" ] && bundle=$bundles/current
exec "$node" --max-old-space-size=96 --max-semi-space-size=2 "$bundle/agent.mjs" "$@"
