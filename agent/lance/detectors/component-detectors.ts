/**
 * Tells when a component has started, and when it has stopped: looks every so often, by script, connection, request or log line, until it
 * is so or the time is over.
 */
import { LanistaError } from '#protocol/errors.ts'
import type { Detector, InstanceSpec } from '#protocol/instances/spec.ts'
import { compileAnchored } from '#protocol/metrics/anchored-regex.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { sinceStart } from '../log/start-line.ts'
import type { FoundInstance, InstanceRuntime } from '../runtime/instance-runtime.ts'
import { type Finding, met, unmet } from './finding.ts'
import { checkHttp, checkTcp, type NetworkPlace } from './network-checks.ts'
import { type DetectorVariable, readingBack, scriptFinding } from './script-check.ts'

/** What a detector looks at. */
export interface DetectorTarget {
  readonly spec: InstanceSpec
  /** Where it listens; a port without a number here is not reachable. */
  readonly place: Pick<FoundInstance, 'hostPorts' | 'address'> | undefined
  readonly runtime: Pick<InstanceRuntime, 'run' | 'readLog'>
  readonly environment: Readonly<Record<string, string>>
}

/** Lines of the log that one look sees. */
const logLines = 2000
/** Connections or requests in a row that have to fail before a component counts as stopped: one may be lost. */
const failuresMin = 3

export class ComponentDetectors {
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Resolves once the component has started.
   * @throws LanistaError DETECTION_FAILED when it has not within the detector's time; what the runtime throws; the signal's reason
   */
  async started(detector: Detector, target: DetectorTarget, signal: AbortSignal): Promise<void> {
    const deadline = this.#clock.monotonic() + detector.timeoutMs
    const over = new AbortController()
    const cancel = this.#clock.after(detector.timeoutMs, () => over.abort())
    const within = AbortSignal.any([signal, over.signal])
    try {
      for (;;) {
        const leftMs = Math.max(1, deadline - this.#clock.monotonic())
        const finding = await this.#look(detector, target, 'STARTED', leftMs, within)
        signal.throwIfAborted()
        if (finding.isMet) return
        if (over.signal.aborted) throw failed(detector, finding)
        await this.#clock.sleep(detector.intervalMs, within).catch(() => {})
        signal.throwIfAborted()
        if (over.signal.aborted) throw failed(detector, finding)
      }
    } finally {
      cancel()
    }
  }

  /**
   * Resolves with the reason once the component has stopped: its script says so, its log does, or it has not answered three times in a row. The
   * detector's time bounds each look. Rejects with what the runtime throws, or the signal's reason.
   */
  async stopped(detector: Detector, target: DetectorTarget, signal: AbortSignal): Promise<string> {
    for (let failures = 0; ; ) {
      const finding = await this.#lookWithin(detector, target, signal)
      if (detector.kind === 'script' || detector.kind === 'log') {
        if (finding.isMet) return finding.reason
      } else {
        failures = finding.isMet ? 0 : failures + 1
        if (failures >= failuresMin) return finding.reason
      }
      await this.#clock.sleep(detector.intervalMs, signal)
    }
  }

  async #lookWithin(detector: Detector, target: DetectorTarget, signal: AbortSignal): Promise<Finding> {
    const over = new AbortController()
    const cancel = this.#clock.after(detector.timeoutMs, () => over.abort())
    try {
      const within = AbortSignal.any([signal, over.signal])
      const finding = await this.#look(detector, target, 'STOPPED', detector.timeoutMs, within)
      signal.throwIfAborted()
      return finding
    } finally {
      cancel()
    }
  }

  async #look(
    detector: Detector,
    target: DetectorTarget,
    variable: DetectorVariable,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Finding> {
    const { spec, runtime, environment } = target
    switch (detector.kind) {
      case 'script': {
        const command = readingBack(detector.command, variable)
        // its time is the runtime's to keep: a script that is cut off is told apart from one that says no
        const run = runtime.run(spec.id, command, { environment, timeoutMs }, signal)
        return run.then(
          (result) => scriptFinding(result, variable),
          (error: unknown) => {
            if (!signal.aborted) throw error
            return unmet('the script did not end in time')
          },
        )
      }
      case 'tcp':
        return onPort(target, detector.port, (at) => checkTcp(at, signal))
      case 'http':
        return onPort(target, detector.port, (at) => checkHttp({ ...at, ...detectorHttp(detector) }, signal))
      case 'log':
        return checkLog(detector.pattern, target, signal)
    }
  }
}

function detectorHttp({ path, status }: Extract<Detector, { kind: 'http' }>): {
  readonly path: string
  readonly status: readonly [number, number]
} {
  return { path, status }
}

/**
 * A container is asked at its own address: the engine's port on the host takes connections before anybody listens behind it. In a directory it
 * may listen on the loop, on the address that it is told, or on all.
 */
async function onPort(
  { spec, place, environment }: DetectorTarget,
  name: string,
  check: (at: NetworkPlace) => Promise<Finding>,
): Promise<Finding> {
  const own = spec.provides.find((port) => port.name === name)
  const hostPort = place?.hostPorts[name]
  if (own && place?.address !== undefined) return check({ host: place.address, port: own.port })
  if (hostPort === undefined) return unmet(`no port ${name}`)
  const finding = await check({ host: '127.0.0.1', port: hostPort })
  const told = environment['CONTAINER_IP']
  return finding.isMet || told === undefined ? finding : check({ host: told, port: hostPort })
}

async function checkLog(pattern: string, { spec, runtime }: DetectorTarget, signal: AbortSignal): Promise<Finding> {
  const matches = compileAnchored(pattern)
  const lines: string[] = []
  for await (const line of runtime.readLog(spec.id, { lines: logLines, isFollowed: false }, signal)) lines.push(line)
  const found = sinceStart(lines).find(matches)
  return found === undefined ? unmet(`no line like ${pattern} in the log`) : met(`log: ${found.slice(0, 200)}`)
}

function failed({ kind, timeoutMs }: Detector, { reason }: Finding): LanistaError {
  return new LanistaError(
    'DETECTION_FAILED',
    `look at the component's log: found ${reason}, expected its ${kind} detector to see it start within ${timeoutMs} ms`,
  )
}
