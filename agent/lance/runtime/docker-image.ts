/** Images of an engine: found, fetched with a log-in, and kept once an instance has installed itself in one. */
import type Docker from 'dockerode'
import * as z from 'zod/mini'
import { isLanistaError, LanistaError, messageOf } from '#protocol/errors.ts'
import { ask, askMaybe } from './docker-engine.ts'
import { type ImageCommand, labelNames } from './docker-place.ts'
import type { RegistryLogin } from './runtime-options.ts'

/** How long a pull may take, ms. */
const pullTimeoutMs = 900_000
/** Prepared images kept on a host; the oldest go first, those in use stay. */
const preparedMax = 20
const preparedName = 'lanista-prepared'

/** In the engine's words for what registries answer. */
const refusedLogin = /unauthorized|authentication required|no basic auth credentials|access denied|denied:/i

const imageCommandSchema: z.ZodMiniType<ImageCommand> = z.strictObject({
  command: z.array(z.string()),
  folder: z.string(),
})

/**
 * What the image runs by itself; it is pulled when the engine has none of this name.
 * @throws LanistaError IMAGE_MISSING when it is neither there nor to be had, REGISTRY_LOGIN when its registry refuses the log-in or wants one,
 *   RUNTIME_UNAVAILABLE, DISK_FULL
 */
export async function ensureImage(
  engine: Docker,
  name: string,
  registries: Readonly<Record<string, RegistryLogin>>,
  signal: AbortSignal,
): Promise<ImageCommand> {
  const there = await findImage(engine, name, signal)
  if (there) return there
  const pullSignal = AbortSignal.any([signal, AbortSignal.timeout(pullTimeoutMs)])
  try {
    await pull(engine, name, registries[registryOf(name)], pullSignal)
  } catch (error) {
    signal.throwIfAborted()
    if (isLanistaError(error, 'RUNTIME_UNAVAILABLE') || isLanistaError(error, 'DISK_FULL')) throw error
    if (refusedLogin.test(messageOf(error))) throw notLoggedIn(name, registries, error)
    throw missing(name, engineWords(error), error)
  }
  const pulled = await findImage(engine, name, signal)
  if (!pulled) throw missing(name, 'none of this name after a pull')
  return pulled
}

/** What the image runs by itself; undefined when the engine has none of this name. Throws RUNTIME_UNAVAILABLE. */
export async function findImage(engine: Docker, name: string, signal: AbortSignal): Promise<ImageCommand | undefined> {
  const found = await askMaybe(`look for the image ${name}`, signal, () => engine.getImage(name).inspect())
  if (!found) return undefined
  const { Entrypoint, Cmd, WorkingDir, Labels } = found.Config
  const kept = parseImageCommand(Labels?.[labelNames.imageCommand])
  return kept ?? { command: [Entrypoint ?? [], Cmd ?? []].flat(), folder: WorkingDir === '' ? '/' : WorkingDir }
}

/** The label's text; undefined when there is none or somebody else wrote it. */
export function parseImageCommand(text: string | undefined): ImageCommand | undefined {
  try {
    return text === undefined ? undefined : imageCommandSchema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** The registry's host in an image's name; `docker.io` where it has none. */
export function registryOf(image: string): string {
  const [first = '', second] = image.split('/', 2)
  return second !== undefined && (/[.:]/.test(first) || first === 'localhost') ? first : 'docker.io'
}

/** The name under which an installed container is kept. */
export const preparedImage = (key: string): string => `${preparedName}:${key}`

/** The key of an image kept that way; undefined for any other. */
export function preparedKeyOf(image: string): string | undefined {
  return image.startsWith(`${preparedName}:`) ? image.slice(preparedName.length + 1) : undefined
}

/** Keeps a container's files as an image, and forgets the oldest of such images. Throws RUNTIME_UNAVAILABLE, DISK_FULL. */
export async function keepImage(engine: Docker, container: string, key: string, signal: AbortSignal): Promise<void> {
  await ask(`keep ${container} as an image`, signal, (abortSignal) =>
    engine.getContainer(container).commit({ repo: preparedName, tag: key, pause: true, abortSignal }),
  )
  const filters = { reference: [preparedName] }
  const images = await ask('list prepared images', signal, (abortSignal) =>
    engine.listImages({ filters: JSON.stringify(filters), abortSignal }),
  )
  const oldest = images.sort((a, b) => b.Created - a.Created).slice(preparedMax)
  for (const image of oldest) {
    // one that a container still uses is refused, and tried again with the next
    await engine
      .getImage(image.Id)
      .remove()
      .catch(() => {})
  }
}

async function pull(
  engine: Docker,
  name: string,
  login: RegistryLogin | undefined,
  signal: AbortSignal,
): Promise<void> {
  const [tag, registry] = [/[:@][^/]*$/.test(name) ? name : `${name}:latest`, registryOf(name)]
  const authconfig = login && { ...login, serveraddress: registry }
  const stream = await ask(`pull ${name}`, signal, (abortSignal) =>
    engine.pull(tag, { abortSignal, ...(authconfig ? { authconfig } : {}) }),
  )
  // the engine tells a failed pull inside the stream of a successful answer
  await new Promise<void>((resolve, reject) => {
    engine.modem.followProgress(stream, (error) => (error ? reject(error) : resolve()))
  })
}

function notLoggedIn(name: string, registries: Readonly<Record<string, RegistryLogin>>, cause: unknown): LanistaError {
  const registry = registryOf(name)
  const username = registries[registry]?.username
  const found = username === undefined ? 'no log-in configured' : `the log-in of ${username} refused`
  return new LanistaError(
    'REGISTRY_LOGIN',
    `mend instances.registries for ${registry} to pull ${name}: found ${found}`,
    {
      cause,
      data: { image: name, registry },
    },
  )
}

/** What the engine itself said of a call, without what we said of it. */
function engineWords(error: unknown): string {
  return messageOf(error instanceof LanistaError && error.cause !== undefined ? error.cause : error)
}

function missing(name: string, found: string, cause?: unknown): LanistaError {
  return new LanistaError('IMAGE_MISSING', `make the image ${name} available: found ${found}, expected to pull it`, {
    cause,
    data: { image: name },
  })
}
