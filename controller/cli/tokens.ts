/**
 * The operator's tokens: `$XDG_CONFIG_HOME/lanista/tokens.json` (or `~/.config/…`), mode 0600, `{ "<controller URL>": { "token": "…" } }`.
 * `lanista up` writes it, with the process that it is, every other command finds its token in it.
 */
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { makeFolder } from '#protocol/runtime/data-folder.ts'
import { readSecretFile, writeSecretFile } from '#protocol/runtime/secret-file.ts'
import { identifyProcess, isRunning, type ProcessIdentity } from '../up/process-identity.ts'

/** Token by controller URL (its origin). */
export type Tokens = ReadonlyMap<string, string>

type Env = Readonly<Record<string, string | undefined>>

interface Entry {
  readonly token: string
  /** The `up` that wrote it; absent for what a person wrote. */
  readonly process?: ProcessIdentity | undefined
}

const fileSchema: z.ZodType<Record<string, Entry>> = z.record(
  z.string(),
  z.object({
    token: z.string().min(1),
    process: z.object({ pid: z.int(), started: z.string() }).optional(),
  }),
)

/** Where the token file is, whether it exists or not. */
export function tokensPath(env: Env): string {
  const base = env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config')
  return join(base, 'lanista', 'tokens.json')
}

/** The tokens in the file, of several not those of an `up` that runs no more; none when there is no file. Throws TOKENS_UNREADABLE. */
export function readTokens(path: string): Tokens {
  const entries = readEntries(path)
  const kept = entries.length > 1 ? entries.filter(isCurrent) : entries
  return new Map(kept.map(([url, { token }]) => [url, token]))
}

function isCurrent([, entry]: readonly [string, Entry]): boolean {
  return entry.process === undefined || isRunning(entry.process)
}

function readEntries(path: string): readonly [string, Entry][] {
  let text: string | undefined
  try {
    text = readSecretFile(path)
  } catch (error) {
    throw unreadable(path, messageOf(error), error)
  }
  return text === undefined ? [] : parseEntries(path, text)
}

/**
 * Adds or replaces one token, of a controller in this process, keeping the others; makes the folder when needed. The same token under another
 * URL is where that controller listened before: it goes, as do those of an `up` that runs no more. Throws TOKENS_UNREADABLE, TOKENS_UNWRITABLE.
 */
export async function writeToken(path: string, url: string, token: string): Promise<void> {
  const others = readEntries(path).filter((entry) => entry[0] !== url && entry[1].token !== token && isCurrent(entry))
  const body = Object.fromEntries([...others, [url, { token, process: identifyProcess(process.pid) }]])
  try {
    await makeFolder(dirname(path))
    writeSecretFile(path, `${JSON.stringify(body, undefined, 2)}\n`, `${path}.${process.pid}.new`)
  } catch (error) {
    throw new LanistaError(
      'TOKENS_UNWRITABLE',
      `make ${path} writable, or set XDG_CONFIG_HOME to another folder: found ${messageOf(error)}, expected a file for the operator's token`,
      { cause: error },
    )
  }
}

function parseEntries(path: string, text: string): readonly [string, Entry][] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw unreadable(path, messageOf(error), error)
  }
  const result = fileSchema.safeParse(value)
  if (!result.success) throw unreadable(path, result.error.issues[0]?.message ?? 'another shape', result.error)
  return Object.entries(result.data)
}

function unreadable(path: string, found: string, cause: unknown): LanistaError {
  return new LanistaError(
    'TOKENS_UNREADABLE',
    `repair or remove ${path}: found ${found}, expected { "<controller URL>": { "token": "…" } }`,
    { cause },
  )
}
