/** A generic service (seed-systems §7.6) as part of a spec: its `init` installs, the others are launched when they are asked for. Pure. */
import type { Command, Component, ServiceCommands } from '#protocol/application/model.ts'
import {
  type LaunchedScript,
  launchedScripts,
  type ServiceScript,
  type ServiceSpec,
} from '#protocol/instances/scripts.ts'
import { lineOf } from './shell-line.ts'

const initTimeoutMs = 900_000
/** What runs where a service starts nothing itself: scripts run beside it, and end with it. */
const idle = 'trap "exit 0" TERM; while :; do sleep 86400 & wait $!; done'

/** The handlers of a component, those of its service among them. */
export function lifecycleWithService({ lifecycle, service }: Component): Component['lifecycle'] {
  if (!service) return lifecycle
  const { commands, timeoutMs = initTimeoutMs } = service.scripts.init
  const start = lifecycle.start ?? { any: { commands: [idle], timeoutMs: initTimeoutMs } }
  return { ...lifecycle, install: { any: { commands, timeoutMs } }, start }
}

/** What its host is told of the scripts beside `init`; undefined for a component that is no service. */
export function serviceSpec({ service, parameters }: Component): ServiceSpec | undefined {
  if (!service) return undefined
  const scripts = Object.fromEntries(launchedScripts.map((name) => [name, scriptOf(service.scripts[name])]))
  return { scripts: scripts as Record<LaunchedScript, ServiceScript>, parameters, graceMs: service.graceMs }
}

function scriptOf({ commands, timeoutMs }: ServiceCommands): ServiceScript {
  const [first = '', ...more] = commands
  const command =
    more.length === 0 && typeof first !== 'string'
      ? first
      : ['/bin/sh', '-c', commands.map(shellLine).join(' && '), 'sh']
  return { command, timeoutMs }
}

/** Whatever the command is, it has the parameters as `$1`, `$2`, …, or behind its own arguments. */
function shellLine(command: Command): string {
  return typeof command === 'string' ? lineOf(command) : `${lineOf(command)} "$@"`
}
