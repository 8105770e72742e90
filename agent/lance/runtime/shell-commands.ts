/** The contract's commands for a POSIX shell. */
import type { ContractCommands } from './runtime-contract.ts'

const shell = (text: string, ...words: readonly string[]): readonly string[] => ['/bin/sh', '-c', text, 'sh', ...words]

export const shellCommands: ContractCommands = {
  exit: (code) => shell(`exit ${code}`),
  print: (text) => shell('echo "$1"', text),
  printVariable: (name) => shell(`echo "$${name}"`),
  printFile: (path) => shell('cat "$1"', path),
  writeFile: (path, text) => shell('echo "$2" >"$1"', path, text),
  serve: (text) => shell('echo "$1"; trap "exit 0" TERM; while :; do sleep 1 & wait $!; done', text),
  ignoreSignals: () => shell('trap "" TERM INT HUP; echo deaf; while :; do sleep 1; done'),
  fork: () => shell('sleep 300 & exit 0'),
  log: (name) => shell(`echo "$${name}" >"$LANISTA_LOG"; exec sleep 300`),
  flood: (bytes) => shell(`dd if=/dev/zero bs=10000 count=${Math.ceil(bytes / 10_000)} 2>/dev/null | tr '\\0' x`),
}
