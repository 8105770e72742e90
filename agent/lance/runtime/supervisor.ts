/**
 * The shell that stands between the agent and a main process, so that the process outlives the agent: it keeps the exit code in a file and the
 * output in files of bounded size. POSIX shell and a handful of tools that busybox has too.
 */
import { startLine } from '../log/start-line.ts'

/** Files of a place's `control` folder. */
export const controlFiles = { pid: 'pid', exit: 'exit' } as const

export interface SupervisorOptions {
  readonly controlFolder: string
  /** The newest lines; older files are `<logFile>.1` and so on. */
  readonly logFile: string
  /** Bytes after which a log file is put aside; it may be a mebibyte longer. */
  readonly logBytesMax: number
  /** Log files beside the newest one. */
  readonly logFilesMax: number
  /** KiB of private memory (`ulimit -d`) of each process; absent = no limit. */
  readonly dataKib?: number | undefined
  /** Processes and threads (`ulimit -u`) of the account; root is exempt in Linux. */
  readonly processes?: number | undefined
}

// The agent's own protection from the kernel's OOM killer is not for what it starts.
// The main process leads a session of its own: its group can be signalled without the shell, which is there to tell how it ended.
// The line of the start is in the log before the start is told of: whoever looks for words since then finds none of an earlier run.
// `dd` writes at once and never reads beyond its count; where the disk is full it loses the block and goes on, so that the process does not stand still.
const script = `
control=$1 log=$2 bytes=$3 files=$4 data=$5 processes=$6
shift 6
echo 0 2>/dev/null >/proc/self/oom_score_adj
echo '${startLine}' >>"$log"
echo $$ >"$control/pid.new" && mv "$control/pid.new" "$control/pid"
{
  (
    [ -z "$data" ] || ulimit -d "$data"
    [ -z "$processes" ] || ulimit -u "$processes" 2>/dev/null || ulimit -p "$processes"
    exec setsid "$@"
  ) </dev/null &
  wait $!
  echo $? >"$control/exit.new" && mv "$control/exit.new" "$control/exit"
} 2>&1 | while :; do
  before=$(wc -c <"$log" 2>/dev/null || echo 0)
  if dd bs=4096 count=256 2>/dev/null >>"$log"; then
    size=$(wc -c <"$log" 2>/dev/null || echo 0)
    [ "$size" -ne "$before" ] || break
  fi
  [ "\${size:-0}" -lt "$bytes" ] || {
    n=$files
    while [ "$n" -gt 1 ]; do
      mv -f "$log.$((n - 1))" "$log.$n" 2>/dev/null
      n=$((n - 1))
    done
    mv -f "$log" "$log.1"
    size=0
  }
done
`

/** The whole argument vector: the shell, its script, and the command it runs. */
export function supervised(command: readonly string[], options: SupervisorOptions): readonly string[] {
  const { controlFolder, logFile, logBytesMax, logFilesMax, dataKib, processes } = options
  const settings = [controlFolder, logFile, logBytesMax, logFilesMax, dataKib ?? '', processes ?? '']
  return ['/bin/sh', '-c', script, 'lanista-instance', ...settings.map(String), ...command]
}
