/**
 * What is run in an instance's place to start a script, to learn how it is, and to end it: POSIX shell and `mkdir`, `mv`, `rm`, `grep`, `sleep`, which
 * busybox has too. Of each start a folder `.lanista/<script>.<id>` tells: `pid` of the shell that waits for it, then `exit`, its return code.
 */
import type { LaunchedScript } from '#protocol/instances/scripts.ts'

/** One start of a script of one instance. */
export interface ScriptStart {
  readonly instance: string
  readonly name: LaunchedScript
  readonly id: string
}

/** Every process of a script carries it in its environment, whatever group or session it has gone to. */
const scriptVariable = 'LANISTA_SCRIPT'
const supervisorVariable = 'LANISTA_SUPERVISOR'

// The agent's own protection from the kernel's OOM killer is not for what it starts. Whoever makes the folder starts it: a start that is told again, by the next agent, does nothing. SIGTERM to all of the instance ends the script, and leaves
// the shell to tell how. A log that is gone is no reason not to run.
const launch = `
folder=.lanista/$1.$2 old=.lanista/$1. mark=$3
shift 3
mkdir -p .lanista && mkdir "$folder" 2>/dev/null || exit 0
for other in "$old"*; do [ "$other" = "$folder" ] || rm -rf "$other"; done
echo 0 2>/dev/null >/proc/self/oom_score_adj
unset ${supervisorVariable}
trap : TERM INT HUP
(: >"$LANISTA_LOG") 2>/dev/null || LANISTA_LOG=/dev/null
exec </dev/null >"$LANISTA_LOG" 2>&1
unset LANISTA_LOG
echo $$ >"$folder/pid.new" && mv "$folder/pid.new" "$folder/pid"
${scriptVariable}=$mark "$@" &
while :; do
  wait $!
  code=$?
  kill -0 $! 2>/dev/null || break
done
echo $code >"$folder/exit.new" && mv "$folder/exit.new" "$folder/exit"
`

// Whether it lives is asked before whether it has told its end: else one that ends in between would be taken for lost.
const look = `
folder=.lanista/$1.$2 mark=$3 rounds=$4
while :; do
  state=absent
  if [ -e "$folder/pid" ]; then
    read -r pid <"$folder/pid"
    if grep -q "${supervisorVariable}=$mark" "/proc/$pid/environ" 2>/dev/null; then state=running; else state=gone; fi
  fi
  if [ -e "$folder/exit" ]; then
    read -r code <"$folder/exit"
    state="exit $code"
  fi
  rounds=$((rounds - 1))
  [ "$state" = running ] && [ "$rounds" -gt 0 ] || break
  sleep 1
done
echo "script $state"
`

const signal = `
count=0
for file in $(grep -l "${scriptVariable}=$1" /proc/[0-9]*/environ 2>/dev/null); do
  process=\${file#/proc/}
  kill -s "$2" "\${process%/environ}" 2>/dev/null && count=$((count + 1))
done
echo "signalled $count"
`

/** Names one start on this machine, which other instances, and other agents' too, may share. */
function markOf({ instance, name, id }: ScriptStart): string {
  return `${instance}.${name}.${id}`
}

const shell = (text: string, ...words: readonly string[]): readonly string[] => [
  '/bin/sh',
  '-c',
  text,
  'lanista',
  ...words,
]

/** To be launched with `launchVariables`. */
export function launchCommand(start: ScriptStart, command: readonly string[]): readonly string[] {
  return shell(launch, start.name, start.id, markOf(start), ...command)
}

/** By which the shell that waits for a script is known again. */
export function launchVariables(start: ScriptStart): Readonly<Record<string, string>> {
  return { [supervisorVariable]: markOf(start) }
}

/** Says how it is at once, or when it has ended, or after so many seconds. */
export function lookCommand(start: ScriptStart, seconds: number): readonly string[] {
  return shell(look, start.name, start.id, markOf(start), `${seconds}`)
}

/** To all processes of the script, and not to the shell that waits for it. It says whether there were any: a script that has just begun is not seen yet. */
export function signalCommand(start: ScriptStart, name: 'TERM' | 'KILL'): readonly string[] {
  return shell(signal, markOf(start), name)
}

/** Whether `signalCommand` has reached anything. */
export function hasReached(output: string): boolean {
  return /^signalled [1-9]/m.test(output)
}

/** `absent` = it was not started; `gone` = nobody is left to tell how it ended. */
export type ScriptLook =
  | { readonly state: 'running' | 'absent' | 'gone' }
  | { readonly state: 'ended'; readonly code: number }

/** What `lookCommand` wrote; undefined when it wrote something else. */
export function parseLook(output: string): ScriptLook | undefined {
  const [, state, code] = /^script (running|absent|gone|exit (\d{1,3}))$/m.exec(output) ?? []
  if (state === 'running' || state === 'absent' || state === 'gone') return { state }
  return code === undefined ? undefined : { state: 'ended', code: Number(code) }
}
