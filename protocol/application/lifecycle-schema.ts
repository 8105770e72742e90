/** Handlers and detectors as they may be written, and as they are meant. */
import * as z from 'zod/mini'
import { isLanistaError } from '#protocol/errors.ts'
import type { HandlerName } from '#protocol/instances/spec.ts'
import { compileAnchored } from '#protocol/metrics/anchored-regex.ts'
import { byKeys, type Form, listOf, textAs, turned, written } from './forms.ts'
import type { Command, ComponentDetector, Script, ScriptBySystem } from './model.ts'
import { duration, whole } from './quantities.ts'

const commandsMax = 64
const argumentsMax = 256
/** What a handler may take when it says nothing, ms; the seed waits as long. */
const scriptTimeoutMs = 900_000
const intervalMs = 1000
const detectorTimeoutMs = 900_000

const shellText: Form<Command> = textAs('a command', (text) => (text.trim() === '' ? undefined : text))
const vector: Form<Command> = z
  .array(z.string())
  .check(z.minLength(1, 'expected a program and its arguments'), z.maxLength(argumentsMax))
const command: Form<Command> = written('a command, or a list of a program and its arguments', {
  text: shellText,
  list: vector,
})
/** One command or several, run one after the other. */
export const commands: Form<readonly Command[]> = listOf('a command or a list of commands', commandsMax, command)

const scriptMap: Form<Script> = turned(
  z.strictObject({ run: commands, timeout: z.optional(duration) }),
  ({ run, timeout = scriptTimeoutMs }) => ({ commands: run, timeoutMs: timeout }),
)
const scriptForms = 'a command, a list of commands, or {run, timeout}'
const scriptOf = turned(commands, (run): Script => ({ commands: run, timeoutMs: scriptTimeoutMs }))
const script: Form<Script> = written(scriptForms, { text: scriptOf, list: scriptOf, map: scriptMap })

const bySystem: Form<ScriptBySystem> = turned(
  z.strictObject({
    any: z.optional(script),
    linux: z.optional(script),
    darwin: z.optional(script),
    windows: z.optional(script),
  }),
  onlyGiven,
)
const anySystem = (form: Form<Script>): Form<ScriptBySystem> => turned(form, (any): ScriptBySystem => ({ any }))

/** A script for every system, or one for each: a map of systems is told from `{run, timeout}` by its keys. */
export const scriptBySystem: Form<ScriptBySystem> = written(`${scriptForms}, or one of these for each system`, {
  text: anySystem(script),
  list: anySystem(script),
  map: byKeys((keys) => (keys.has('run') || keys.has('timeout') ? anySystem(script) : bySystem)),
})

const common = { every: z.optional(duration), within: z.optional(duration) }
const timing = ({ every = intervalMs, within = detectorTimeoutMs }: Times): Timing => ({
  intervalMs: every,
  timeoutMs: within,
})
interface Times {
  readonly every?: number | undefined
  readonly within?: number | undefined
}
interface Timing {
  readonly intervalMs: number
  readonly timeoutMs: number
}

const portName = z.string().check(z.minLength(1))
const statusRange: Form<readonly [number, number]> = written('a status or two like 200..299', {
  number: turned(whole(100, 599), (status): readonly [number, number] => [status, status]),
  text: textAs('a status or two like 200..299', (text) => {
    const [, from, to] = /^([1-5]\d\d)\.\.([1-5]\d\d)$/.exec(text) ?? []
    return from === undefined || Number(from) > Number(to) ? undefined : ([Number(from), Number(to)] as const)
  }),
})
const statusDefault: readonly [number, number] = [200, 399]
const httpPath: Form<string> = textAs('a path that starts with /', (text) =>
  /^\/[^\s#]*$/.test(text) ? text : undefined,
)

const byScript: Form<ComponentDetector> = turned(
  z.strictObject({ script: scriptBySystem, ...common }),
  ({ script, ...times }) => ({ kind: 'script', script, ...timing(times) }),
)
const byTcp: Form<ComponentDetector> = turned(z.strictObject({ tcp: portName, ...common }), ({ tcp, ...times }) => ({
  kind: 'tcp',
  port: tcp,
  ...timing(times),
}))
const byHttp: Form<ComponentDetector> = turned(
  z.strictObject({ http: portName, path: z.optional(httpPath), status: z.optional(statusRange), ...common }),
  ({ http, path = '/', status = statusDefault, ...times }) => ({
    kind: 'http',
    port: http,
    path,
    status,
    ...timing(times),
  }),
)
const byLog: Form<ComponentDetector> = turned(
  z.strictObject({
    log: textAs('a regular expression without nested repetition, lookaround or backreference', regularExpression),
    ...common,
  }),
  ({ log, ...times }) => ({ kind: 'log', pattern: log, ...timing(times) }),
)

/** `{tcp: PORT}`, `{http: PORT, path, status}`, `{log: REGEX}`, `{script: …}` or the script alone; each with `every` and `within`. */
export const detector: Form<ComponentDetector> = written('a script, or {tcp}, {http}, {log} or {script}', {
  text: turned(scriptBySystem, (script) => ({ kind: 'script', script, ...timing({}) })),
  list: turned(scriptBySystem, (script) => ({ kind: 'script', script, ...timing({}) })),
  map: byKeys((keys) => (keys.has('tcp') ? byTcp : keys.has('http') ? byHttp : keys.has('log') ? byLog : byScript)),
})

/** All that stands under `lifecycle`. */
export interface Lifecycle {
  readonly handlers: Readonly<Partial<Record<HandlerName, ScriptBySystem>>>
  readonly startDetector?: ComponentDetector | undefined
  readonly stopDetector?: ComponentDetector | undefined
}

const handler = z.optional(scriptBySystem)

/** The seed's handlers and detectors. */
export const lifecycle: Form<Lifecycle> = turned(
  z.strictObject({
    init: handler,
    preInstall: handler,
    install: handler,
    postInstall: handler,
    preStart: handler,
    start: handler,
    startDetector: z.optional(detector),
    postStart: handler,
    preStop: handler,
    stop: handler,
    stopDetector: z.optional(detector),
    postStop: handler,
  }),
  ({ startDetector, stopDetector, ...handlers }) => ({ handlers: onlyGiven(handlers), startDetector, stopDetector }),
)

/** Without the keys that hold nothing. */
function onlyGiven<K extends string, V>(map: Readonly<Partial<Record<K, V | undefined>>>): Partial<Record<K, V>> {
  return Object.fromEntries(Object.entries(map).filter(([, value]) => value !== undefined)) as Partial<Record<K, V>>
}

/** The same bounds as in selectors: the agent tries it on every line. */
function regularExpression(text: string): string | undefined {
  try {
    compileAnchored(text)
    return text === '' ? undefined : text
  } catch (error) {
    if (isLanistaError(error, 'SELECTOR_INVALID')) return undefined
    throw error
  }
}
