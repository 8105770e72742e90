/**
 * The operator's tokens: `$XDG_CONFIG_HOME/lanista/tokens.json` (or `~/.config/…`), mode 0600, `{ "<controller URL>": { "token": "…" } }`.
 * `lanista up` writes it, every other command finds its token in it.
 */
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { makeFolder } from '#protocol/runtime/data-folder.ts'
import { readSecretFile, writeSecretFile } from '#protocol/runtime/secret-file.ts'

/** Token by controller URL (its origin). */
export type Tokens = ReadonlyMap<string, string>

type Env = Readonly<Record<string, string | undefined>>

const fileSchema: z.ZodType<Record<string, { token: string }>> = z.record(
  z.string(),
  z.object({ token: z.string().min(1) }),
)

/** Where the token file is, whether it exists or not. */
export function tokensPath(env: Env): string {
  const base = env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config')
  return join(base, 'lanista', 'tokens.json')
}

/** The tokens in the file; none when there is no file. Throws TOKENS_UNREADABLE. */
export function readTokens(path: string): Tokens {
  let text: string | undefined
  try {
    text = readSecretFile(path)
  } catch (error) {
    throw unreadable(path, messageOf(error), error)
  }
  return text === undefined ? new Map() : parseTokens(path, text)
}

/**
 * Adds or replaces one token, keeping the others; makes the folder when needed. The same token under another URL is where that
 * controller listened before: it goes. Throws TOKENS_UNREADABLE, TOKENS_UNWRITABLE.
 */
export async function writeToken(path: string, url: string, token: string): Promise<void> {
  const others = [...readTokens(path)].filter(([key, value]) => key !== url && value !== token)
  const body = Object.fromEntries([...others, [url, token]].map(([key, value]) => [key, { token: value }]))
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

function parseTokens(path: string, text: string): Tokens {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw unreadable(path, messageOf(error), error)
  }
  const result = fileSchema.safeParse(value)
  if (!result.success) throw unreadable(path, result.error.issues[0]?.message ?? 'another shape', result.error)
  return new Map(Object.entries(result.data).map(([url, entry]) => [url, entry.token]))
}

function unreadable(path: string, found: string, cause: unknown): LanistaError {
  return new LanistaError(
    'TOKENS_UNREADABLE',
    `repair or remove ${path}: found ${found}, expected { "<controller URL>": { "token": "…" } }`,
    { cause },
  )
}
