/**
 * Runs a program that the host's owner allowed and takes what it prints. No shell; a clean environment; its own process group,
 * which is killed whole when it takes too long or prints too much.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import * as z from 'zod/mini'
import { LanistaError } from '#protocol/errors.ts'
import { canonicalName } from '#protocol/metrics/series.ts'
import { parseScriptOutput } from './script-output.ts'
import { type Outcome, parseParameters, type Sensor } from './sensor.ts'

export interface ScriptParameters {
  /** Absolute path of the program; must be in the agent's `allow.scripts`. */
  readonly path: string
  /** Passed as they are. Default none. */
  readonly args?: readonly string[] | undefined
  /** Metric name where the program prints one number. Default `script.` and the file's name. */
  readonly metric?: string | undefined
}

const schema: z.ZodMiniType<ScriptParameters> = z.strictObject({
  path: z.string().check(z.regex(/^\//, 'an absolute path')),
  args: z.optional(z.array(z.string()).check(z.maxLength(64))),
  metric: z.optional(
    z.string().check(z.refine((name) => canonicalName(name) === name, { error: 'a metric name without blanks' })),
  ),
})

/** Bytes of output; a program that prints more is killed. */
const outputBytesMax = 65_536
/** Bytes of the error output that are kept for the log. */
const complaintBytesMax = 200

/** Names of the program's own choice. */
export const scriptSensor: Sensor<ScriptParameters> = {
  name: 'script',
  metrics: [
    {
      name: 'script.*',
      unit: 'as printed',
      kind: 'gauge',
      tags: [],
      meaning:
        'the number printed, under the name in `metric`; programs that print names choose them freely, with tags',
    },
  ],
  privileges: "those of the agent's account: programs run as the agent does",
  parse: (parameters) => parseParameters('script', schema, parameters),
  open(parameters, deps) {
    const metric =
      parameters.metric ??
      `script.${parameters.path
        .split('/')
        .at(-1)
        ?.replace(/[^A-Za-z0-9_-]/g, '_')}`
    return {
      read: async (signal): Promise<Outcome> => {
        if (!deps.allow.scripts.includes(parameters.path)) {
          throw new LanistaError(
            'SENSOR_NOT_ALLOWED',
            `add the program to the agent's allow.scripts: found ${parameters.path}`,
            { data: { path: parameters.path } },
          )
        }
        const run = await runProgram(parameters.path, parameters.args ?? [], signal)
        if (run.code !== 0) return { unavailable: `exit ${run.code}: ${run.complaint}` }
        return parseScriptOutput(run.output, metric)
      },
      close: () => {},
    }
  },
}

interface Run {
  /** Exit code, or the signal that ended it. */
  readonly code: number | string
  readonly output: string
  readonly complaint: string
}

/** Resolves when the program is gone; what it left running in its process group is killed then. */
function runProgram(path: string, args: readonly string[], signal: AbortSignal): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, {
      cwd: '/',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8' },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const kill = (): void => killGroup(child)
    const giveUp = (): void => {
      kill()
      child.stdout.destroy()
      child.stderr.destroy()
    }
    signal.addEventListener('abort', giveUp, { once: true })
    const output = gather(child.stdout, outputBytesMax, kill)
    const complaint = gather(child.stderr, complaintBytesMax, () => {})
    child.once('error', (cause) => {
      signal.removeEventListener('abort', giveUp)
      reject(new LanistaError('SCRIPT_FAILED', `start ${path}: found ${cause.message}`, { cause }))
    })
    child.once('exit', kill)
    child.once('close', (code, killedBy) => {
      signal.removeEventListener('abort', giveUp)
      if (signal.aborted) reject(signal.reason)
      else if (output.isOverfull) reject(tooLong(path))
      else resolve({ code: code ?? killedBy ?? 'unknown', output: output.text, complaint: complaint.text.trim() })
    })
  })
}

interface Gathered {
  text: string
  isOverfull: boolean
}

/** Keeps the first `bytesMax` characters and reads the rest away, so that the program does not stand still. */
function gather(stream: NodeJS.ReadableStream, bytesMax: number, onOverfull: () => void): Gathered {
  const gathered: Gathered = { text: '', isOverfull: false }
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    if (gathered.text.length + chunk.length > bytesMax) {
      gathered.isOverfull = true
      onOverfull()
    }
    gathered.text = (gathered.text + chunk).slice(0, bytesMax)
  })
  return gathered
}

/** Fails where the group is gone already, or belongs to another user (a setuid program); in neither case can more be done. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    child.kill('SIGKILL')
  }
}

function tooLong(path: string): LanistaError {
  return new LanistaError('SCRIPT_OUTPUT', `print less from ${path}: found more than ${outputBytesMax} bytes`, {
    data: { path },
  })
}
