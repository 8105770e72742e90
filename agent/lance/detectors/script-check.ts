/** A detector's script: it says yes or no by its exit code, or by a variable that it sets (seed-systems §2.1). */
import type { CommandResult } from '../runtime/instance-runtime.ts'
import { type Finding, met, unmet } from './finding.ts'

/** The variable that a script of each kind may set. */
export type DetectorVariable = 'STARTED' | 'STOPPED'

const shells = new Set(['/bin/sh', '/bin/bash', 'sh', 'bash'])

/**
 * The command, made to print the variable when it ends, whatever way it ends. Only a shell's script can set one: any other
 * command is left as it is, and may print `STARTED=true` itself.
 */
export function readingBack(command: readonly string[], variable: DetectorVariable): readonly string[] {
  const [shell = '', option, script, ...words] = command
  if (!shells.has(shell) || option !== '-c' || script === undefined) return command
  const print = `lanista_code=$?; [ -z "\${${variable}+x}" ] || printf '\\n${variable}=%s\\n' "$${variable}"; exit $lanista_code`
  return [shell, option, `unset ${variable}\ntrap '${print.replaceAll("'", `'\\''`)}' EXIT\n${script}`, ...words]
}

/** The last line `STARTED=…` counts, when the code is 0; without one, the code alone. */
export function scriptFinding(result: CommandResult, variable: DetectorVariable): Finding {
  const { code, signal, isTimedOut, output } = result
  if (isTimedOut) return unmet('the script did not end in time')
  if (code !== 0) return unmet(`the script ended with ${code ?? signal}${lastWords(output)}`)
  const value = [...output.matchAll(new RegExp(`^${variable}=(.*)$`, 'gm'))].at(-1)?.[1]?.trim()
  if (value === undefined) return met('the script ended with 0')
  return /^(?:true|yes|1)$/i.test(value) ? met(`${variable}=${value}`) : unmet(`${variable}=${value}`)
}

function lastWords(output: string): string {
  const line = output.trim().split('\n').at(-1) ?? ''
  return line === '' ? '' : `: ${line.slice(0, 200)}`
}
