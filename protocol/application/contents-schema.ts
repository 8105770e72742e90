/** What an instance is filled with: its image, volumes, files, environment and code, as they may be written. */
import * as z from 'zod/mini'
import type { InstanceFile } from '#protocol/instances/spec.ts'
import { type Form, listOf, mapOf, textAs, turned, written } from './forms.ts'
import type { CodePolicy, Image, Volume } from './model.ts'
import { duration, plainText, whole } from './quantities.ts'

/** Characters of all files of a component together; larger things belong into an image or a code archive. */
const fileCharactersMax = 262_144
const filesMax = 64
const environmentMax = 256
const volumesMax = 32

const nameForm = 'lower-case parts like registry.example:5000/shop/web'
const namePattern = /^(?:[a-z0-9.-]+(?::\d{1,5})?\/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/
const digestPattern = /^sha256:[0-9a-f]{64}$/

const isImageName = (text: string): boolean => text.length <= 255 && namePattern.test(text)
const matching = (expected: string, isRight: (text: string) => boolean): Form<string> =>
  textAs(expected, (text) => (isRight(text) ? text : undefined))

/** `shop/web:1.4`, `shop/web@sha256:…`, or `{name, tag, digest, login}`. */
export const image: Form<Image> = written('an image like shop/web:1.4, or {name, tag, digest, login}', {
  text: textAs('an image like shop/web:1.4 or shop/web@sha256:…', imageOf),
  map: turned(
    z.strictObject({
      name: matching(nameForm, isImageName),
      tag: z.optional(matching('a tag', (text) => tagPattern.test(text))),
      digest: z.optional(matching('sha256: and 64 hexadecimal digits', (text) => digestPattern.test(text))),
      login: z.optional(matching('the name of a secret', isSecretName)),
    }),
    ({ name, tag, digest, login }) => ({ ...pinned(name, tag, digest), login }),
  ),
})

function imageOf(text: string): Image | undefined {
  const [reference = '', digest] = text.split('@')
  const colon = reference.lastIndexOf(':')
  const isTagged = colon > reference.lastIndexOf('/')
  const name = isTagged ? reference.slice(0, colon) : reference
  const tag = isTagged ? reference.slice(colon + 1) : undefined
  const fits =
    isImageName(name) &&
    (tag === undefined || tagPattern.test(tag)) &&
    (digest === undefined || digestPattern.test(digest)) &&
    text.split('@').length <= 2
  return fits ? pinned(name, tag, digest) : undefined
}

function pinned(name: string, tag: string | undefined, digest: string | undefined): Image {
  return { name, tag: tag ?? (digest === undefined ? 'latest' : undefined), digest }
}

function isSecretName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(text)
}

const volumeName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/
const volumeForms = 'a volume like data:/var/lib/shop, /srv/shop:/data:ro'

/** `name:/in/the/container[:ro]` or `/on/the/host:/in/the/container[:ro]`. */
export const volumes: Form<readonly Volume[]> = listOf(volumeForms, volumesMax, textAs(volumeForms, volumeOf))

function volumeOf(text: string): Volume | undefined {
  const [source = '', to = '', mode, ...more] = text.split(':')
  const isHost = source.startsWith('/')
  const isRight =
    more.length === 0 &&
    (mode === undefined || mode === 'ro' || mode === 'rw') &&
    isPlainPath(to, true) &&
    to !== '/' &&
    (isHost ? isPlainPath(source, true) : volumeName.test(source))
  if (!isRight) return undefined
  return {
    from: isHost ? { kind: 'host', path: source } : { kind: 'named', name: source },
    to,
    isReadOnly: mode === 'ro',
  }
}

/** No empty part, no `.`, no `..`, no control characters. */
function isPlainPath(path: string, isAbsolute: boolean): boolean {
  const parts = (isAbsolute ? path.slice(1) : path).split('/')
  const isFree = path === '/' || parts.every((part) => part !== '' && part !== '.' && part !== '..')
  return path.length <= 1024 && path.startsWith('/') === isAbsolute && isFree && !/[\u0000-\u001f\u007f\\]/.test(path)
}

const text = z.string().check(z.maxLength(fileCharactersMax, `expected at most ${fileCharactersMax} characters`))
const file: Form<Omit<InstanceFile, 'path'>> = written('the text of the file, or {text, executable}', {
  text: turned(text, (text) => ({ text, isExecutable: text.startsWith('#!') })),
  map: turned(z.strictObject({ text, executable: z.optional(z.boolean()) }), ({ text, executable }) => ({
    text,
    isExecutable: executable ?? text.startsWith('#!'),
  })),
})

/** Files by path inside the instance's folder; those that start with `#!` can be executed where nothing else is said. */
export const files: Form<readonly InstanceFile[]> = written('texts by path (of a folder, lanista apply makes them)', {
  map: turned(
    mapOf(
      {
        isName: (path) => isPlainPath(path, false),
        form: 'a path inside the folder, without . and ..',
        countMax: filesMax,
      },
      file,
    ),
    (entries) => entries.map(([path, file]) => ({ path, ...file })),
  ),
})

/** Environment variables; numbers and flags become text. */
export const environment: Form<Readonly<Record<string, string>>> = turned(
  mapOf(
    {
      isName: (name) => /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name),
      form: 'letters, digits and _, none of them first a digit',
      countMax: environmentMax,
    },
    plainText,
  ),
  (entries) => Object.fromEntries(entries),
)

const codeDefaults: CodePolicy = { versionsMax: 10, atOnce: 1, healthyWithinMs: 300_000 }

/** `true`, or `{keep, atOnce, within}`. */
export const code: Form<CodePolicy> = written('true or {keep, atOnce, within}', {
  flag: turned(z.literal(true, 'expected true, or no code at all'), () => codeDefaults),
  map: turned(
    z.strictObject({
      keep: z.optional(whole(1, 100)),
      atOnce: z.optional(whole(1, 1000)),
      within: z.optional(duration),
    }),
    ({ keep, atOnce, within }) => ({
      versionsMax: keep ?? codeDefaults.versionsMax,
      atOnce: atOnce ?? codeDefaults.atOnce,
      healthyWithinMs: within ?? codeDefaults.healthyWithinMs,
    }),
  ),
})

/** One text that is split at white space, or a list. */
export const parameters: Form<readonly string[]> = written('text or a list of texts', {
  text: turned(z.string().check(z.maxLength(4096)), (text) => text.split(/\s+/).filter((part) => part !== '')),
  list: z.array(plainText).check(z.maxLength(256)),
})
