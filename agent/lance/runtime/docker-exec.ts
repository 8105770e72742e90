/** Runs one command in a container to its end, or to the end of its time. */
import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import type Docker from 'dockerode'
import type { Clock } from '#protocol/runtime/clock.ts'
import { unlessAborted } from '#protocol/runtime/unless-aborted.ts'
import { ask } from './docker-engine.ts'
import { readFrames } from './docker-frames.ts'
import type { CommandResult } from './instance-runtime.ts'
import { logVariable, runVariable } from './marked-processes.ts'
import { exitOfStatus } from './process-exit.ts'
import { outputBytesMax } from './run-command.ts'
import { TailText } from './tail-text.ts'

/** How often the engine is asked whether a command whose output is still open has ended, ms. */
const lookIntervalMs = 250
/** How long the killing of a command may take, ms. */
const killTimeoutMs = 10_000

export interface ExecOptions {
  readonly environment: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** Where it runs in the container; absent = where the image says. */
  readonly folder?: string | undefined
}

/**
 * Resolves when the command itself has ended, though what it left in the background holds its output. When the time is over or the signal
 * aborts, all that carries its mark in the container is killed. Rejects with the signal's reason, RUNTIME_UNAVAILABLE.
 */
export async function execIn(
  container: Docker.Container,
  command: readonly string[],
  { environment, timeoutMs, folder }: ExecOptions,
  clock: Clock,
  signal: AbortSignal,
): Promise<CommandResult> {
  const mark = `${runVariable}=${randomUUID()}`
  const exec = await ask('run a command', signal, (abortSignal) =>
    container.exec({
      Cmd: [...command],
      Env: [...Object.entries(environment).map(([name, value]) => `${name}=${value}`), mark],
      ...(folder === undefined ? {} : { WorkingDir: folder }),
      AttachStdout: true,
      AttachStderr: true,
      abortSignal,
    }),
  )
  const stream = await ask('run a command', signal, () => exec.start({ hijack: true, stdin: false }))
  const output = new TailText(outputBytesMax)
  const over = new AbortController()
  const cancel = clock.after(timeoutMs, () => over.abort())
  try {
    const reading = gather(stream, output)
    const code = await ended(exec, reading, clock, AbortSignal.any([signal, over.signal]))
    if (code !== undefined) return { ...exitOfStatus(code), output: output.text, isTimedOut: false }
    await killMarked(container, mark)
    signal.throwIfAborted()
    return { code: null, signal: 'SIGKILL', isOutOfMemory: false, output: output.text, isTimedOut: true }
  } finally {
    cancel()
    stream.destroy()
  }
}

/** Starts a command and leaves it alone: it ends with the container. Rejects with the signal's reason, RUNTIME_UNAVAILABLE. */
export async function launchIn(
  container: Docker.Container,
  command: readonly string[],
  { environment, folder }: Omit<ExecOptions, 'timeoutMs'>,
  signal: AbortSignal,
): Promise<void> {
  // what the first process writes to is the container's log
  const all = { ...environment, [logVariable]: '/proc/1/fd/1' }
  await ask('launch a command', signal, async (abortSignal) => {
    const exec = await container.exec({
      Cmd: [...command],
      Env: Object.entries(all).map(([name, value]) => `${name}=${value}`),
      ...(folder === undefined ? {} : { WorkingDir: folder }),
      abortSignal,
    })
    await exec.start({ Detach: true, abortSignal })
  })
}

async function gather(stream: Readable, output: TailText): Promise<void> {
  try {
    for await (const chunk of readFrames(stream)) output.append(chunk)
  } catch {
    // cut off: what became of the command is asked of the engine
  }
}

/** The exit code; undefined when the signal aborted first. */
async function ended(
  exec: Docker.Exec,
  reading: Promise<void>,
  clock: Clock,
  signal: AbortSignal,
): Promise<number | undefined> {
  while (!signal.aborted) {
    await Promise.race([reading, clock.sleep(lookIntervalMs, signal).catch(() => {})])
    if (signal.aborted) return undefined
    const look = ask('look at a command', signal, (abortSignal) => exec.inspect({ abortSignal }))
    const { Running, ExitCode } = await look.catch((error: unknown) => {
      if (signal.aborted) return { Running: true, ExitCode: null }
      throw error
    })
    if (!Running && ExitCode !== null) return ExitCode
    // its output is closed, its end not yet told
    await clock.sleep(10, signal).catch(() => {})
  }
  return undefined
}

const killScript = `for p in /proc/[0-9]*; do
  if grep -q "$1" "$p/environ" 2>/dev/null; then kill -9 "\${p#/proc/}"; fi
done`

/** Twice, for what forked meanwhile. Best effort: an image without a shell and grep keeps what hangs until its container ends. */
async function killMarked(container: Docker.Container, mark: string): Promise<void> {
  const signal = AbortSignal.timeout(killTimeoutMs)
  for (let round = 0; round < 2; round++) {
    try {
      const exec = await container.exec({
        Cmd: ['/bin/sh', '-c', killScript, 'sh', mark],
        User: '0',
        AttachStdout: true,
        AttachStderr: true,
        abortSignal: signal,
      })
      const stream = await unlessAborted(exec.start({ hijack: true, stdin: false }), signal)
      await unlessAborted(gather(stream, new TailText(1)), signal).finally(() => stream.destroy())
    } catch {
      return // the container is gone, and the command with it
    }
  }
}
