/** `lanista secrets`: names of what is kept sealed; set from a file or stdin, never from the command line, and shown by nothing. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { messageOf } from '#protocol/errors.ts'
import { parseAnswer } from './answers.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import { type ExitCode, usageError } from './exit-code.ts'
import { type Column, printable, renderTable } from './table.ts'
import type { Terminal } from './terminal.ts'

interface SecretAnswer {
  readonly name: string
  readonly changed_ms: number
  readonly key: string
  readonly is_openable: boolean
}

interface RotationAnswer {
  readonly key: string
  readonly resealed: number
  readonly left: number
}

const path = '/api/v1/secrets'
/** A rotation seals every secret anew, ms. */
const rotationDeadlineMs = 60_000

const listSchema: z.ZodType<readonly SecretAnswer[]> = z.array(
  z.object({ name: z.string(), changed_ms: z.number(), key: z.string(), is_openable: z.boolean() }),
)
const setSchema: z.ZodType<{ outcome: string }> = z.object({ outcome: z.string() })
const rotationSchema: z.ZodType<RotationAnswer> = z.object({ key: z.string(), resealed: z.number(), left: z.number() })

const columns: readonly Column[] = [
  { title: 'NAME', align: 'left' },
  { title: 'CHANGED', align: 'left' },
  { title: 'MASTER KEY', align: 'left' },
]

/** All names; 1 when the key of one is not at hand. */
export async function runSecrets(flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.get(path, {}, terminal.stop)
  const secrets = parseAnswer(listSchema, answer, 'secrets')
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(renderTable(columns, secrets.map(rowOf)))
  return secrets.every((secret) => secret.is_openable) ? 0 : 1
}

/** Sets one from a file; `-` = stdin. */
export async function runSecretsSet(
  name: string,
  flags: SharedFlags & { readonly file: string },
  terminal: Terminal,
): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const sent = { type: 'text/plain', text: textIn(flags.file) }
  const answer = await client.send('PUT', pathOf(name), {}, sent, terminal.stop)
  const { outcome } = parseAnswer(setSchema, answer, 'secret')
  if (flags.json) writeJson(terminal, answer)
  else terminal.note(`${printable(name)}: ${printable(outcome)}`)
  return 0
}

/** Removes one. */
export async function runSecretsRemove(name: string, flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.send('DELETE', pathOf(name), {}, undefined, terminal.stop)
  if (flags.json) writeJson(terminal, answer)
  else terminal.note(`${printable(name)}: removed`)
  return 0
}

/** Seals all with another master key; 1 when some could not be. */
export async function runSecretsRotate(flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal, rotationDeadlineMs)
  const answer = await client.send('POST', `${path}/rotate`, {}, undefined, terminal.stop)
  const { key, resealed, left } = parseAnswer(rotationSchema, answer, 'rotation')
  if (flags.json) writeJson(terminal, answer)
  else terminal.note(`${resealed} sealed with the master key ${printable(key)}, ${left} left as they were`)
  return left === 0 ? 0 : 1
}

function rowOf({ name, changed_ms, key, is_openable }: SecretAnswer): string[] {
  return [name, new Date(changed_ms).toISOString(), is_openable ? key : `${key} (not at hand)`]
}

function pathOf(name: string): string {
  return `${path}/${encodeURIComponent(name)}`
}

function textIn(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    throw usageError(`name a file that can be read with --file: found ${messageOf(error)}`)
  }
}
