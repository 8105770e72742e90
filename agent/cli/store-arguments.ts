import { LanistaError } from '#protocol/errors.ts'

/** What can be done with the store of a stopped agent. */
const storeActions = ['stats', 'check', 'repair', 'dump', 'export'] as const
export type StoreAction = (typeof storeActions)[number]

export interface StoreCommand {
  readonly kind: 'store'
  readonly action: StoreAction
  /** The agent's data folder. */
  readonly data: string
  readonly json: boolean
  /** Of an export: a selector, times as written, `json` or `csv`. */
  readonly match: string | undefined
  readonly from: string | undefined
  readonly until: string | undefined
  readonly format: 'json' | 'csv'
}

export const storeUsage = `lanista store stats|check|repair|dump --data DIR [--json]   look into the store of a stopped agent
lanista store export [MATCH] --data DIR [--from T] [--until T] [--format json|csv]
`

/** The flags of `store`, as they were parsed. */
export interface StoreFlags {
  readonly data?: string | undefined
  readonly json?: boolean | undefined
  readonly from?: string | undefined
  readonly until?: string | undefined
  readonly format?: string | undefined
}

/** Parses the words behind `store`; throws USAGE. */
export function parseStoreCommand(words: readonly string[], flags: StoreFlags): StoreCommand {
  const [word, match, ...rest] = words
  const action = storeActions.find((each) => each === word)
  if (!action) throw misuse(`choose one of ${storeActions.join(', ')}: found ${JSON.stringify(word ?? '')}`)
  const { format = 'json', from, until } = flags
  if (!flags.data) throw misuse('name the data folder of the stopped agent: --data DIR')
  const isExport = action === 'export'
  if (rest.length > 0 || (match !== undefined && !isExport)) throw misuse(`leave out ${JSON.stringify(words.at(-1))}`)
  if (!isExport && (from ?? until ?? flags.format) !== undefined) throw misuse(`leave out --from, --until, --format`)
  if (format !== 'json' && format !== 'csv')
    throw misuse(`choose --format json or csv: found ${JSON.stringify(format)}`)
  return { kind: 'store', action, data: flags.data, json: flags.json ?? false, match, from, until, format }
}

function misuse(message: string): LanistaError {
  return new LanistaError('USAGE', `${message} (see lanista agent --help)`)
}
