/** Secrets in application files: they go to those who need them and are kept by them; the text that is kept has none. */
import { isMap } from 'yaml'
import type { Subscription } from '#controller/subscriptions/subscription.ts'
import { invalidFile, parseApplicationDocument } from './application-document.ts'
import { type ApplicationFile, readApplicationFile } from './application-file.ts'

const secretKeys = ['secret', 'token', 'password'] as const

export interface OpenedFile {
  /** The text without its secrets; as it was where there are none. */
  readonly text: string
  /** What that text means. */
  readonly file: ApplicationFile
  /** The subscriptions as they were written, with their secrets. */
  readonly subscriptions: readonly Subscription[]
  readonly hasSecrets: boolean
}

/** Reads a file and parts it from its secrets. Throws APPLICATION_INVALID. */
export function openApplicationFile(text: string, name: string): OpenedFile {
  const written = readApplicationFile(text, name)
  const { subscriptions } = written
  const hasSecrets = subscriptions.some(({ secret }) => secret !== undefined)
  const file = { ...written, subscriptions: subscriptions.map((one) => ({ ...one, secret: undefined })) }
  return { text: hasSecrets ? withoutSecrets(text, name) : text, file, subscriptions, hasSecrets }
}

function withoutSecrets(text: string, name: string): string {
  const { yaml } = parseApplicationDocument(text, name)
  const section = yaml.get('subscriptions')
  for (const { key } of isMap(section) ? section.items : []) {
    for (const secret of secretKeys) {
      const path = ['subscriptions', key, 'to', secret]
      if (yaml.hasIn(path)) yaml.deleteIn(path)
    }
  }
  const bare = yaml.toString({ lineWidth: 0 })
  const left = readApplicationFile(bare, name).subscriptions.filter(({ secret }) => secret !== undefined)
  if (left.length === 0) return bare
  const says = 'expected the secret written here and not by an anchor: the file is kept without it'
  throw invalidFile(
    name,
    left.map((one) => ({ path: `subscriptions.${one.name}.to`, says })),
  )
}
