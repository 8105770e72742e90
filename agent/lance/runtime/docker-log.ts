/** The log of a container, as the engine keeps it: bounded on disk by the engine, followed over restarts of the container. */
import type Docker from 'dockerode'
import type { Clock } from '#protocol/runtime/clock.ts'
import { LineSplitter } from '../log/line-splitter.ts'
import { readFrames } from './docker-frames.ts'

/** How often a container that has ended is looked at for whether it runs again, ms. */
const againMs = 500

/**
 * Lines without their ends; none when there is no such container. A followed log ends when the signal aborts, without an error.
 */
export async function* readContainerLog(
  container: Docker.Container,
  options: { readonly lines: number; readonly isFollowed: boolean },
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<string> {
  if (!options.isFollowed) {
    yield* await lastLines(container, options.lines, signal)
    return
  }
  let from: { readonly tail: number } | { readonly since: number } = { tail: options.lines }
  while (!signal.aborted) {
    const openedMs = clock.now()
    const stream = await container
      .logs({ follow: true, stdout: true, stderr: true, ...from, abortSignal: signal })
      .catch(() => undefined)
    if (stream) {
      yield* followed(stream, signal)
      const endedMs = await endMs(container, openedMs, signal)
      from = { since: (endedMs === undefined ? clock.now() : endedMs + 1) / 1000 }
    }
    await clock.sleep(againMs, signal).catch(() => {})
  }
}

/**
 * The end after which all that the container wrote is still unread, epoch ms: a reader that is slow, or asked while it was down, asks for what came after
 * that, not for what comes from now on. Undefined = it runs as it did, and the engine cut the reader off.
 */
async function endMs(container: Docker.Container, openedMs: number, signal: AbortSignal): Promise<number | undefined> {
  const info = await container.inspect({ abortSignal: signal }).catch(() => undefined)
  if (!info || (info.State.Running && Date.parse(info.State.StartedAt) <= openedMs)) return undefined
  const endedMs = Date.parse(info.State.FinishedAt)
  return endedMs > 0 ? endedMs : undefined
}

async function lastLines(container: Docker.Container, lines: number, signal: AbortSignal): Promise<readonly string[]> {
  const bytes = await container
    .logs({ follow: false, stdout: true, stderr: true, tail: lines, abortSignal: signal })
    .catch(() => undefined)
  if (!bytes) return []
  const splitter = new LineSplitter()
  const found: string[] = []
  for await (const chunk of readFrames([bytes] as unknown as AsyncIterable<Uint8Array>))
    found.push(...splitter.push(chunk))
  return [...found, ...splitter.end()]
}

async function* followed(stream: NodeJS.ReadableStream, signal: AbortSignal): AsyncGenerator<string> {
  const splitter = new LineSplitter()
  try {
    for await (const chunk of readFrames(stream)) yield* splitter.push(chunk)
  } catch (error) {
    if (!signal.aborted) yield `… the log was cut off: ${error instanceof Error ? error.message : 'unknown'}`
  }
  yield* splitter.end()
}
