/** An archive of a component's code, as it was uploaded. */

import { LanistaError } from '#protocol/errors.ts'
import type { CodeVersion } from '#protocol/instances/spec.ts'

export interface UploadedVersion {
  /** Of the archive's bytes: the same files, packed by `lanista code upload`, are the same version. */
  readonly sha256: string
  readonly bytes: number
  /** What it was called where it came from. */
  readonly name: string
  /** As it was uploaded; a zip is kept as tar.gz. */
  readonly type: 'tar' | 'tar.gz' | 'zip'
  readonly description: string
  readonly uploadedAtMs: number
}

/** Digits that people see and type. */
const shownDigits = 12
/** Fewer digits name no version. */
const typedDigitsMin = 4

/** The short form of a version's name. */
export function shortId(sha256: string): string {
  return sha256.slice(0, shownDigits)
}

/** As instances are told of it. */
export function asCode({ sha256, bytes }: UploadedVersion): CodeVersion {
  return { id: shortId(sha256), sha256, bytes }
}

/** The one version whose digest begins so. Throws CODE_UNKNOWN. */
export function findVersion(versions: readonly UploadedVersion[], text: string): UploadedVersion {
  const isName = new RegExp(`^[0-9a-f]{${typedDigitsMin},64}$`).test(text)
  const found = isName ? versions.filter(({ sha256 }) => sha256.startsWith(text)) : []
  const [only] = found
  if (only && found.length === 1) return only
  const known = versions.map(({ sha256 }) => shortId(sha256)).join(', ')
  const what = found.length > 1 ? `${found.length} that begin with ${text}` : `no ${text.slice(0, 64)}`
  const expected = known === '' ? 'one that was uploaded: none is' : `one of ${known}`
  throw new LanistaError('CODE_UNKNOWN', `name another version: found ${what}, expected ${expected}`)
}
