/** For tests: a `/proc` and `/sys` of ours to measure, which may change between two reads. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { systemClock } from '#protocol/runtime/clock.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import type { OpenSensor, Outcome, Sensor, SensorAllowList, SensorDeps } from './sensor.ts'

/**
 * `vm`: captured on a two-core virtual machine. `big`: made up, with every shape the other lacks. `cgroup1`: a container and a session of
 * two processes, captured. `cgroup2`: the same container as version 2 tells it; `cpu.stat` captured, the rest after the kernel's documentation.
 */
export type TreeName = 'vm' | 'big' | 'cgroup1' | 'cgroup2'

export class FixtureTree {
  readonly root: string
  readonly clock: FakeClock = new FakeClock()

  constructor(name: TreeName) {
    this.root = mkdtempSync(join(tmpdir(), 'lanista-tree-'))
    const source = new URL(`../test/fixtures/proc-${name}/`, import.meta.url).pathname
    cpSync(source, this.root, { recursive: true, verbatimSymlinks: true })
  }

  get deps(): SensorDeps {
    const allow = { scripts: [], sensorFolders: [] }
    return { root: this.root, platform: 'linux', clock: this.clock, logger: silentLogger, intervalMs: 10_000, allow }
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true })
    writeFileSync(join(this.root, path), text)
  }

  /** Opens a sensor on this tree with parameters as they stand in a configuration. */
  open(sensor: Sensor, parameters?: unknown): OpenSensor {
    return sensor.open(sensor.parse(parameters), this.deps)
  }

  remove(): void {
    rmSync(this.root, { recursive: true })
  }
}

/** For sensors that read no tree: the machine's own clock, and nothing allowed but what is named. */
export function depsAllowing(allow: Partial<SensorAllowList> = {}): SensorDeps {
  return {
    root: '',
    platform: 'linux',
    clock: systemClock,
    logger: silentLogger,
    intervalMs: 1000,
    allow: { scripts: [], sensorFolders: [], ...allow },
  }
}

/** Readings as lines `name;tag=value value unit`, in order; an unavailable outcome as its reason. */
export function linesOf(outcome: Outcome): string[] {
  if ('unavailable' in outcome) return [`unavailable: ${outcome.unavailable}`]
  return outcome.map(({ name, tags = {}, value, unit }) => {
    const segments = Object.entries(tags).map(([key, text]) => `;${key}=${text}`)
    return `${name}${segments.join('')} ${Number(value.toFixed(4))} ${unit ?? '-'}`
  })
}

/** A signal that never aborts. */
export function quietSignal(): AbortSignal {
  return new AbortController().signal
}
