/** The generic service (seed-systems §7.6): five scripts of a component as they may be written, and whether its instances know each other. */
import * as z from 'zod/mini'
import { type ScriptName, scriptNames } from '#protocol/instances/scripts.ts'
import { type Form, turned, written } from './forms.ts'
import { commands } from './lifecycle-schema.ts'
import type { Command, MembersPolicy, Service, ServiceCommands } from './model.ts'
import { duration } from './quantities.ts'

const graceMs = 10_000
const initTimeoutMs = 900_000
/** How long a master's host may be silent before another instance is the master, ms. */
const silenceMs = 60_000

const scriptForms = 'a command, a list of commands, or {run, timeout}'
const plain = turned(commands, (run): ServiceCommands => ({ commands: run }))
const script: Form<ServiceCommands> = written(scriptForms, {
  text: plain,
  list: plain,
  map: turned(z.strictObject({ run: commands, timeout: z.optional(duration) }), ({ run, timeout }) => ({
    commands: run,
    timeoutMs: timeout,
  })),
})

/** `true` = every script is the usual one; else those that are not, and the time from SIGTERM to SIGKILL. */
export const service: Form<Service> = written(
  'true or a map of scripts: {init, run, interrupt, cleanup, notify, grace}',
  {
    flag: turned(z.literal(true, 'expected true, or no service at all'), () => serviceOf({})),
    map: turned(
      z.strictObject({
        init: z.optional(script),
        run: z.optional(script),
        interrupt: z.optional(script),
        cleanup: z.optional(script),
        notify: z.optional(script),
        grace: z.optional(duration),
      }),
      serviceOf,
    ),
  },
)

type Given = { readonly [name in ScriptName]?: ServiceCommands | undefined } & {
  readonly grace?: number | undefined
}

function serviceOf({ grace = graceMs, ...given }: Given): Service {
  const scripts = scriptNames.map((name) => [name, given[name] ?? { commands: [usualScript(name)] }])
  const { init, ...others } = Object.fromEntries(scripts) as Record<ScriptName, ServiceCommands>
  return { scripts: { ...others, init: { timeoutMs: initTimeoutMs, ...init } }, graceMs: grace }
}

/** The file of that name in the code or among the files; where neither has one, its environment is printed. */
function usualScript(name: ScriptName): Command {
  const found = `[ ! -x "$f" ] || exec "$f" "$@"; [ ! -f "$f" ] || exec /bin/sh "$f" "$@"`
  return `for f in code/${name}.sh ./${name}.sh; do ${found}; done; echo "${name} $*"; env`
}

const usualMembers: MembersPolicy = { silenceMs }

/** `true`, or `{grace}`: how long a silent host is still taken for one that comes back. */
export const members: Form<MembersPolicy> = written('true or {grace}', {
  flag: turned(z.literal(true, 'expected true, or no members at all'), () => usualMembers),
  map: turned(z.strictObject({ grace: z.optional(duration) }), ({ grace }) => ({ silenceMs: grace ?? silenceMs })),
})

/** What a service has that says nothing of members. */
export const membersOfService: MembersPolicy = usualMembers
