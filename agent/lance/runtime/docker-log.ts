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
      const endedMs = await lastEndMs(container, signal)
      from = { since: (endedMs > openedMs ? endedMs + 1 : clock.now()) / 1000 }
    }
    await clock.sleep(againMs, signal).catch(() => {})
  }
}

/** When the container ended last, epoch ms: a reader that is slow asks for what came after that, not for what comes from now on. */
async function lastEndMs(container: Docker.Container, signal: AbortSignal): Promise<number> {
  const info = await container.inspect({ abortSignal: signal }).catch(() => undefined)
  return Date.parse(info?.State.FinishedAt ?? '') || 0
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
