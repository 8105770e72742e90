/** `lanista code`: versions of a component's code. */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { kindOfArchive } from '#protocol/archive/safe-members.ts'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { parseAnswer } from './answers.ts'
import type { ControllerClient, Sent } from './client.ts'
import { type CodeAnswer, codeSchema, statusText, versionSchema, versionsText } from './code-answers.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import { type ExitCode, usageError } from './exit-code.ts'
import { packFolder } from './pack-folder.ts'
import { printable } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface UploadFlags extends SharedFlags {
  readonly description?: string | undefined
}

export interface EnableFlags extends SharedFlags {
  readonly gate?: string | undefined
  /** False = as soon as it is under way. */
  readonly wait?: boolean | undefined
}

export interface DownloadFlags extends SharedFlags {
  readonly to?: string | undefined
}

/** How long an upload may take, ms. */
const uploadDeadlineMs = 900_000
/** How often a roll-out is looked at, ms. */
const lookMs = 500

const archiveTypes = { tar: 'application/x-tar', 'tar.gz': 'application/gzip', zip: 'application/zip' } as const

/** Sends a folder, packed, or an archive as it is. */
export async function runCodeUpload(
  name: string,
  source: string,
  { description, ...flags }: UploadFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const path = `${pathOf(name)}/versions`
  const sent = await sentOf(source)
  const client = await openClient(flags, terminal, uploadDeadlineMs)
  const params = { name: basename(resolve(source)), description }
  const answer = await client.send('POST', path, params, sent, terminal.stop)
  const { id, bytes } = parseAnswer(versionSchema, answer, 'code upload')
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(`${printable(name)} ${id}, ${bytes} bytes; lanista code enable ${printable(name)} ${id}\n`)
  return 0
}

/** Every version as a table. */
export async function runCodeList(name: string, flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  return await show(name, flags, terminal, (code) => versionsText(code, Date.now()))
}

/** What is enabled, what is under way, how the last roll-out ended. */
export async function runCodeStatus(name: string, flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  return await show(name, flags, terminal, statusText)
}

/** Has a version rolled out, and waits for its end: 1 when it was rolled back. */
export async function runCodeEnable(
  name: string,
  version: string,
  { gate, wait, ...flags }: EnableFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const params = { version, gate }
  const begun = await client.send('POST', `${pathOf(name)}/enable`, params, undefined, terminal.stop)
  const { roll_out: rollOut } = parseAnswer(codeSchema, begun, 'code enable')
  const end = rollOut && wait !== false ? await ended(name, client, terminal) : { answer: begun, current: undefined }
  if (flags.json) writeJson(terminal, end.answer)
  else terminal.write(statusText(parseAnswer(codeSchema, end.answer, 'code enable')))
  return end.current === undefined || end.current === rollOut?.to ? 0 : 1
}

/** Looks until no roll-out is under way, and says what it waits for. */
async function ended(
  name: string,
  client: ControllerClient,
  terminal: Terminal,
): Promise<{ readonly answer: unknown; readonly current: string | null }> {
  for (let said = ''; ; await delay(lookMs, undefined, { signal: terminal.stop })) {
    const answer = await client.get(pathOf(name), {}, terminal.stop)
    const { current, roll_out: rollOut } = parseAnswer(codeSchema, answer, 'code status')
    if (!rollOut) return { answer, current }
    const { waits } = rollOut
    if (waits !== null && waits !== said) terminal.note(printable(`waits for ${waits}`))
    said = waits ?? said
  }
}

/** Writes the archive of a version to a file, whole or not at all. */
export async function runCodeDownload(
  name: string,
  version: string,
  { to, ...flags }: DownloadFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const path = `${pathOf(name)}/versions/${encodeURIComponent(version)}`
  const response = await client.open(path, {}, terminal.stop)
  const [, given] = /filename="([A-Za-z0-9_.-]+)"/.exec(response.headers.get('content-disposition') ?? '') ?? []
  const target = to ?? given ?? `${version}.tar.gz`
  await save(response, target, client, terminal.stop)
  if (flags.json) writeJson(terminal, { file: target })
  else terminal.write(`${printable(target)}\n`)
  return 0
}

/** Deletes a version that nothing runs. */
export async function runCodeDelete(
  name: string,
  version: string,
  flags: SharedFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const path = `${pathOf(name)}/versions/${encodeURIComponent(version)}`
  const answer = await client.send('DELETE', path, {}, undefined, terminal.stop)
  const { id } = parseAnswer(versionSchema, answer, 'code delete')
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(`${printable(name)} ${id} deleted\n`)
  return 0
}

async function show(
  name: string,
  flags: SharedFlags,
  terminal: Terminal,
  textOf: (code: CodeAnswer) => string,
): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.get(pathOf(name), {}, terminal.stop)
  const code = parseAnswer(codeSchema, answer, 'code')
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(textOf(code))
  return 0
}

/** Where the code of `shop/web` is. Throws USAGE. */
function pathOf(name: string): string {
  const [application = '', component = '', ...more] = name.split('/')
  if (application === '' || component === '' || more.length > 0) {
    throw usageError(`name a component like shop/web: found ${name}`)
  }
  return `/api/v1/code/${encodeURIComponent(application)}/${encodeURIComponent(component)}`
}

async function sentOf(source: string): Promise<Sent> {
  const found = await stat(source).catch((error: unknown) => {
    throw usageError(`name a folder or an archive: found ${messageOf(error)}`)
  })
  if (found.isDirectory()) return { type: archiveTypes['tar.gz'], text: packFolder(source) }
  if (!found.isFile()) throw usageError(`name a folder or an archive: found neither at ${source}`)
  return { type: archiveTypes[await kindOfArchive(source)], text: createReadStream(source) }
}

async function save(response: Response, target: string, { url }: ControllerClient, signal: AbortSignal): Promise<void> {
  const beside = `${target}.part`
  const digest = createHash('sha256')
  try {
    const bytes = Readable.from(response.body ?? [], { objectMode: false })
    bytes.on('data', (chunk: Uint8Array) => digest.update(chunk))
    await pipeline(bytes, createWriteStream(beside), { signal })
    const expected = response.headers.get('x-lanista-sha256')
    if (digest.digest('hex') !== expected) throw new Error(`other bytes than those of ${expected}`)
    await rename(beside, target)
  } catch (error) {
    await rm(beside, { force: true })
    signal.throwIfAborted()
    throw new LanistaError('ANSWER_FAILED', `download it again from ${url}: found ${messageOf(error)}`, {
      cause: error,
    })
  }
}
