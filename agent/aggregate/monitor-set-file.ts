/**
 * The set of monitors across restarts: `monitors.json` in the agent's data folder, mode 0600. The first line is the SHA-256 of the rest in
 * hexadecimal digits; the rest are the parts as the controller sent them, one a line.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { LanistaError } from '#protocol/errors.ts'
import { encodeMonitorSet, type MonitorSet, parseMonitorSetPart } from '#protocol/messages/monitor-set.ts'
import { readSecretFile, writeSecretFile } from '#protocol/runtime/secret-file.ts'
import { MonitorSetParts } from './monitor-set-parts.ts'

/** Replaces what was kept, whole or not at all. Throws what the file system throws. */
export function keepMonitorSet(data: string, set: MonitorSet): void {
  const text = encodeMonitorSet(set)
    .map((body) => `${Buffer.from(body).toString()}\n`)
    .join('')
  writeSecretFile(pathIn(data), `${digestOf(text)}\n${text}`)
}

/** What was kept; undefined when nothing was. Throws MONITOR_SET_DAMAGED, and what the file system throws. */
export function keptMonitorSet(data: string): MonitorSet | undefined {
  const path = pathIn(data)
  const text = readSecretFile(path)
  if (text === undefined) return undefined
  const cut = text.indexOf('\n')
  const rest = text.slice(cut + 1)
  if (digestOf(rest) !== text.slice(0, cut)) throw damaged(path, 'other bytes than were written')
  const parts = new MonitorSetParts()
  let set: MonitorSet | undefined
  for (const line of rest.trimEnd().split('\n')) set = parts.take(parseMonitorSetPart(Buffer.from(line)).part)
  if (set === undefined) throw damaged(path, 'a part of a set')
  return set
}

function pathIn(data: string): string {
  return join(data, 'monitors.json')
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function damaged(path: string, found: string): LanistaError {
  return new LanistaError('MONITOR_SET_DAMAGED', `send the monitors again: found ${found} in ${path}`)
}
