/** What is written on a VM so that it can be told apart from everybody else's: the same names on every cloud. Pure. */
import { createHash } from 'node:crypto'
import type { CloudCapabilities, OpenPort, VmSpec } from './cloud-driver.ts'
import { cloudError } from './cloud-error.ts'

/** Names of tags; a label `k` is `lanista:label:k`. */
export const ownerTag = 'lanista:owner'
export const tokenTag = 'lanista:token'
const specTag = 'lanista:spec'
const labelPrefix = 'lanista:label:'
const labelsMax = 16

const wordPattern = /^[A-Za-z0-9._-]{1,64}$/
const namePattern = /^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/
const tokenPattern = /^[A-Za-z0-9-]{1,64}$/
const cidrPattern = /^(?:\d{1,3}\.){3}\d{1,3}\/(?:[12]?\d|3[0-2])$/

/** What a VM's tags say of it. */
export interface Marks {
  readonly owner: string
  readonly token: string
  /** Digest of the spec it was made from. */
  readonly spec: string
  readonly labels: Readonly<Record<string, string>>
}

/** All tags of a VM that is to be made. */
export function tagsOf(spec: VmSpec, token: string): Record<string, string> {
  const tags: Record<string, string> = { [ownerTag]: spec.owner, [tokenTag]: token, [specTag]: specDigest(spec) }
  for (const [key, value] of Object.entries(spec.labels)) tags[`${labelPrefix}${key}`] = value
  return tags
}

/** Reads them back; undefined for a VM that is nobody's of ours. */
export function marksOf(tags: Readonly<Record<string, string>>): Marks | undefined {
  const { [ownerTag]: owner, [tokenTag]: token, [specTag]: spec = '' } = tags
  if (owner === undefined || token === undefined) return undefined
  const labels = Object.entries(tags).filter(([key]) => key.startsWith(labelPrefix))
  return {
    owner,
    token,
    spec,
    labels: Object.fromEntries(labels.map(([key, v]) => [key.slice(labelPrefix.length), v])),
  }
}

/** The same for the same wishes, whatever the order of keys and ports. */
export function specDigest(spec: VmSpec): string {
  const { name, owner, location, hardware, image, userData = '', publicKey = '', isPublic = false } = spec
  const labels = Object.entries(spec.labels).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const fields = [name, owner, location, hardware, image, userData, publicKey, isPublic, portWords(spec.ports), labels]
  return createHash('sha256').update(JSON.stringify(fields)).digest('base64url').slice(0, 22)
}

/** Ports as sorted words, `tcp 80-80 0.0.0.0/0`. */
export function portWords(ports: readonly OpenPort[]): string[] {
  const words = ports.map(({ protocol, from, to, source }) => `${protocol} ${from}-${to} ${source}`)
  return [...new Set(words)].toSorted()
}

/**
 * Refuses what no cloud could make of it, before anything is asked.
 * @throws LanistaError CLOUD_INVALID
 */
export function checkSpec(spec: VmSpec, token: string, can: CloudCapabilities): void {
  require(tokenPattern.test(token), `token ${show(token)}, expected 1–64 letters, digits or -`)
  require(namePattern.test(spec.name), `name ${show(spec.name)}, expected 1–63 letters, digits or -`)
  require(wordPattern.test(spec.owner), `owner ${show(spec.owner)}, expected 1–64 letters, digits, ., _ or -`)
  const labels = Object.entries(spec.labels)
  require(labels.length <= labelsMax, `${labels.length} labels, expected at most ${labelsMax}`)
  for (const word of labels.flat()) {
    require(wordPattern.test(word), `label ${show(word)}, expected 1–64 letters, digits, ., _ or -`)
  }
  const bytes = Buffer.byteLength(spec.userData ?? '')
  require(bytes <= can.userDataBytesMax, `user data of ${bytes} bytes, expected at most ${can.userDataBytesMax}`)
  require(can.hasPorts || spec.ports.length === 0, 'ports, expected none: this cloud has no firewall of ours')
  require(can.hasKeys || spec.publicKey === undefined, 'an SSH key, expected none: this cloud takes none')
  require(can.hasPublicAddresses || !spec.isPublic, 'a public address, expected none: this cloud gives none on demand')
  for (const port of spec.ports) checkPort(port)
}

function checkPort({ from, to, source }: OpenPort): void {
  const isRange = Number.isInteger(from) && Number.isInteger(to) && from >= 1 && from <= to && to <= 65_535
  require(isRange, `ports ${from} to ${to}, expected a range within 1–65535`)
  require(cidrPattern.test(source), `source ${show(source)}, expected an IPv4 range like 10.0.0.0/8`)
}

function require(holds: boolean, found: string): void {
  if (!holds) throw cloudError('CLOUD_INVALID', `found ${found}`)
}

function show(text: string): string {
  return JSON.stringify(text.slice(0, 80))
}
