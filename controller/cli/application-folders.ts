/** The folders that an application file names: `files: shop/web` becomes the texts of the files in it, so that one file holds all. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isMap, isScalar, Scalar, YAMLMap } from 'yaml'
import {
  type ApplicationDocument,
  type FileIssue,
  fileBytesMax,
  invalidFile,
} from '#controller/applications/application-document.ts'
import { messageOf } from '#protocol/errors.ts'

/** Files of one folder. */
const filesMax = 64

/**
 * Reads the folders, relative to `base`, into the document. Places of all else stay what they were.
 * @throws LanistaError APPLICATION_INVALID naming each folder that cannot be read, or holds something else than files of text
 */
export function takeFolders(document: ApplicationDocument, base: string): void {
  const components = document.yaml.get('components')
  const issues: FileIssue[] = []
  for (const { key, value } of isMap(components) ? components.items : []) {
    const folder = isMap(value) ? value.get('files') : undefined
    if (!isMap(value) || typeof folder !== 'string') continue
    const path = `components.${isScalar(key) ? String(key.value) : ''}.files`
    try {
      value.set('files', textsOf(join(base, folder)))
    } catch (error) {
      issues.push({ path, says: `expected a folder of text files: ${messageOf(error)}`, place: document.placeOf(path) })
    }
  }
  if (issues.length > 0) throw invalidFile(document.name, issues)
}

function textsOf(folder: string): YAMLMap {
  const texts = new YAMLMap()
  for (const path of filesIn(folder, '').sort()) texts.set(path, textOf(join(folder, path)))
  return texts
}

/** Paths below the folder, with `/` between; stops where there are too many. */
function filesIn(folder: string, below: string): string[] {
  const paths: string[] = []
  for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`
    paths.push(...(entry.isDirectory() ? filesIn(folder, path) : [path]))
    if (paths.length > filesMax) throw new Error(`more than ${filesMax} files in it`)
  }
  return paths
}

function textOf(file: string): Scalar | YAMLMap {
  const stat = statSync(file)
  if (!stat.isFile()) throw new Error(`${file} is no file`)
  if (stat.size > fileBytesMax) throw new Error(`${file} has ${stat.size} bytes`)
  const bytes = readFileSync(file)
  const text = bytes.toString('utf8')
  if (!Buffer.from(text, 'utf8').equals(bytes) || text.includes('\0')) throw new Error(`${file} is no text`)
  const scalar = new Scalar(text)
  if (text.includes('\n')) scalar.type = isBlock(text) ? Scalar.BLOCK_LITERAL : Scalar.QUOTE_DOUBLE
  const isExecutable = (stat.mode & 0o111) !== 0
  if (isExecutable === text.startsWith('#!')) return scalar
  const entry = new YAMLMap()
  entry.set('text', scalar)
  entry.set('executable', isExecutable)
  return entry
}

/** A block loses carriage returns and the other line ends of Unicode, and lines of nothing but space. */
function isBlock(text: string): boolean {
  return /\S/.test(text) && !/[\r\u0085\u2028\u2029]/.test(text)
}
