import { parseArgs } from 'node:util'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { type LeaveAsk, leaveMsDefault, leaveMsMax } from '#protocol/messages/leave.ts'
import { formatDuration, parseDuration } from '#protocol/runtime/time.ts'
import { parseStoreCommand, type StoreCommand, storeUsage } from './store-arguments.ts'

/** Where a configuration comes from: a file, and flags that win over it. */
export interface ConfigFlags {
  readonly config: string | undefined
  readonly data: string | undefined
}

/** What the agent's command line asks for. */
export type Command =
  | ({
      readonly kind: 'run'
      readonly mode: 'serve' | 'once' | 'test'
      readonly json: boolean
      /** End when stdin ends: started by a parent that may be killed. */
      readonly exitWithParent: boolean
    } & ConfigFlags)
  | ({ readonly kind: 'check'; readonly json: boolean; readonly print: boolean } & ConfigFlags)
  | { readonly kind: 'identity'; readonly data: string; readonly id: string; readonly json: boolean }
  | { readonly kind: 'lines'; readonly file: string; readonly nowMs: number | undefined; readonly json: boolean }
  | ({ readonly kind: 'leave'; readonly data: string; readonly json: boolean } & Pick<
      LeaveAsk,
      'deadlineMs' | 'isForced'
    >)
  | StoreCommand
  | { readonly kind: 'help' }

export const usage: string = `lanista agent [run] [--config FILE] [--data DIR] [--json]   measure, take carbon lines, send
lanista agent --once [--config FILE]                        one full cycle, then exit
lanista agent --test [--config FILE] [--json]               read each sensor once and print
lanista agent check [--config FILE] [--print-config]        check a configuration, every mistake with its path
lanista agent identity --data DIR --id TENANT.CLOUD.HOST    print the public key, making the key when there is none
lanista agent leave --data DIR [--deadline 5m] [--force]    let the agent that runs there hand over and leave for good
lanista lines [FILE|-] [--now MS]                           what would become of these carbon lines
${storeUsage}`

/** Parses the arguments behind the program's name; throws USAGE. */
export function parseArguments(args: readonly string[]): Command {
  const { values, positionals } = parse(args)
  const [word = 'run', ...rest] = positionals
  if (values.help) return { kind: 'help' }
  if (word === 'store') return parseStoreCommand(rest, values)
  if (rest.length > (word === 'lines' ? 1 : 0)) throw misuse(`leave out ${JSON.stringify(rest.at(-1))}`)
  const json = values.json ?? false
  const flags = { config: values.config, data: values.data }
  switch (word) {
    case 'run':
      if (values.once && values.test) throw misuse('choose one of --once and --test')
      return {
        kind: 'run',
        mode: values.once ? 'once' : values.test ? 'test' : 'serve',
        json,
        exitWithParent: values['exit-with-parent'] ?? false,
        ...flags,
      }
    case 'check':
      return { kind: 'check', json, print: values['print-config'] ?? false, ...flags }
    case 'identity':
      if (!values.data || !values.id) throw misuse('name the folder and the id: --data DIR --id TENANT.CLOUD.HOST')
      return { kind: 'identity', data: values.data, id: values.id, json }
    case 'leave':
      if (!values.data) throw misuse('name the data folder of the running agent: --data DIR')
      return {
        kind: 'leave',
        data: values.data,
        json,
        deadlineMs: durationOf(values.deadline),
        isForced: values.force ?? false,
      }
    case 'lines':
      return { kind: 'lines', file: rest[0] ?? '-', nowMs: milliseconds(values.now), json }
    default:
      throw misuse(`choose one of run, check, identity, leave, lines, store: found ${JSON.stringify(word)}`)
  }
}

const options = {
  config: { type: 'string' },
  data: { type: 'string' },
  id: { type: 'string' },
  now: { type: 'string' },
  from: { type: 'string' },
  until: { type: 'string' },
  format: { type: 'string' },
  deadline: { type: 'string' },
  force: { type: 'boolean' },
  json: { type: 'boolean' },
  once: { type: 'boolean' },
  test: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  'print-config': { type: 'boolean' },
  'exit-with-parent': { type: 'boolean' },
} as const

type Parsed = ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>

function parse(args: readonly string[]): Parsed {
  try {
    return parseArgs({ args: joinTimes(args), options, allowPositionals: true })
  } catch (cause) {
    throw misuse(messageOf(cause))
  }
}

/** `--from -1h` as `--from=-1h`: a time may begin with a dash. */
function joinTimes(args: readonly string[]): string[] {
  return args.flatMap((arg, i) => {
    if (args[i - 1] === '--from' || args[i - 1] === '--until') return []
    const isTime = (arg === '--from' || arg === '--until') && args[i + 1] !== undefined
    return isTime ? [`${arg}=${args[i + 1]}`] : [arg]
  })
}

/** Time to hand over, ms. */
function durationOf(text: string | undefined): number {
  if (text === undefined) return leaveMsDefault
  const ms = parseDuration(text)
  if (ms > leaveMsMax)
    throw misuse(`give --deadline up to ${formatDuration(leaveMsMax)}: found ${JSON.stringify(text)}`)
  return ms
}

function milliseconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text)) throw misuse(`give --now in epoch milliseconds: found ${JSON.stringify(text)}`)
  return Number(text)
}

function misuse(message: string): LanistaError {
  return new LanistaError('USAGE', `${message} (see lanista agent --help)`)
}
