/** What an instance's container is made of, and how it is known again: its name, its labels, the shell it waits in. Pure. */

import type { ContainerCreateOptions } from 'dockerode'
import { LanistaError } from '#protocol/errors.ts'
import { type HandlerName, handlerNames, type InstanceSpec } from '#protocol/instances/spec.ts'
import { startLine } from '../log/start-line.ts'
import { placeDigest } from './place-record.ts'
import type { DockerRuntimeOptions } from './runtime-options.ts'

/** Folder of the instance inside its container; code is unpacked in `code` below. */
export const insideFolder = '/instance'
/** The script that a waiting container runs once it is not empty. */
export const goFile = '/.lanista/go'

/** What an image runs by itself. */
export interface ImageCommand {
  readonly command: readonly string[]
  readonly folder: string
}

export const labelNames = {
  tenant: 'lanista.tenant',
  host: 'lanista.host',
  application: 'lanista.application',
  instance: 'lanista.instance',
  generation: 'lanista.generation',
  digest: 'lanista.spec-digest',
  /** JSON of `ImageCommand`; an image kept by `commit` carries it on. */
  imageCommand: 'lanista.image-command',
  /** Whether the container waits for its go. */
  waits: 'lanista.waits',
} as const

export const containerName = (tenant: string, id: string): string => `lanista-${tenant}-${id}`

export const networkName = ({ tenant, host }: DockerRuntimeOptions, application: string): string =>
  `lanista-${tenant}-${host}-${application}`

/** What tells our containers on this host from everybody else's. */
export function ownLabels({ tenant, host }: DockerRuntimeOptions): Readonly<Record<string, string>> {
  return { [labelNames.tenant]: tenant, [labelNames.host]: host }
}

/** Handlers that run while the main process does not. */
const whileDown = new Set<HandlerName>([...handlerNames.slice(0, handlerNames.indexOf('start')), 'postStop'])

/** Whether something has to happen inside while the main process does not run: an image that needs nothing runs as it is, without a shell. */
export function waitsForGo({ lifecycle, files, code }: InstanceSpec): boolean {
  const handled = [...whileDown].some((name) => (lifecycle[name]?.commands.length ?? 0) > 0)
  const isPrepared = (lifecycle.start?.commands.length ?? 0) > 1
  return handled || isPrepared || files.length > 0 || code !== undefined
}

// The container's first process: sleeps until the file is there, and becomes what it says. The signal only shortens the sleep.
const waitScript = `trap : USR1; trap 'exit 143' TERM
while [ ! -s ${goFile} ]; do sleep 1 & wait $!; kill $! 2>/dev/null; done
trap - USR1 TERM
. ${goFile}`

/** The script that starts the command with its environment. */
export function goScript(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
  folder: string,
): string {
  const exports = Object.entries(environment).map(([name, value]) => `export ${name}=${quoted(value)}`)
  return [
    `echo ${quoted(startLine)}`,
    ...exports,
    `cd ${quoted(folder)} || exit 126`,
    `exec ${command.map(quoted).join(' ')}`,
    '',
  ].join('\n')
}

/** One word for a shell, whatever is in it. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}

/** What the container is made with; one that waits for nothing gets its command from `withCommand`. */
export function containerOptions(
  spec: InstanceSpec,
  options: DockerRuntimeOptions,
  made: {
    readonly hostPorts: Readonly<Record<string, number>>
    readonly image: ImageCommand
    readonly binds: readonly string[]
  },
): ContainerCreateOptions {
  const waits = waitsForGo(spec)
  const Labels = {
    ...ownLabels(options),
    [labelNames.application]: spec.application,
    [labelNames.instance]: spec.id,
    [labelNames.generation]: String(spec.generation),
    [labelNames.digest]: placeDigest(spec),
    [labelNames.imageCommand]: JSON.stringify(made.image),
    [labelNames.waits]: String(waits),
  }
  const log = { 'max-size': String(options.logBytesMax), 'max-file': String(options.logFilesMax + 1) }
  return {
    name: containerName(options.tenant, spec.id),
    Image: imageOf(spec),
    Labels,
    ...(waits ? { Entrypoint: ['/bin/sh', '-c', waitScript], Cmd: [], WorkingDir: '/' } : {}),
    ExposedPorts: Object.fromEntries(spec.provides.map((port) => [portKey(port), {}])),
    HostConfig: {
      NetworkMode: networkName(options, spec.application),
      PortBindings: portBindings(spec, options, made.hostPorts),
      ...limits(spec),
      Binds: [...made.binds],
      LogConfig: { Type: 'json-file', Config: log },
      RestartPolicy: { Name: '' },
    },
  }
}

/** The same, started with a command; an empty one is the image's own. */
export function withCommand(
  made: ContainerCreateOptions,
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): ContainerCreateOptions {
  const Env = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  const [program, ...words] = command
  return program === undefined ? { ...made, Env } : { ...made, Env, Entrypoint: [program], Cmd: words }
}

const portKey = ({ port, protocol }: InstanceSpec['provides'][number]): string => `${port}/${protocol}`

function portBindings(
  { provides }: InstanceSpec,
  { cloudAddress, ownAddress = '' }: DockerRuntimeOptions,
  hostPorts: Readonly<Record<string, number>>,
): Readonly<Record<string, readonly unknown[]>> {
  return Object.fromEntries(
    provides.map((port) => [
      portKey(port),
      [{ HostIp: port.isPublic ? ownAddress : cloudAddress, HostPort: String(hostPorts[port.name]) }],
    ]),
  )
}

function limits({ resources: { cpus, memoryBytes, processes } }: InstanceSpec): ContainerCreateOptions['HostConfig'] {
  return {
    ...(memoryBytes === undefined ? {} : { Memory: memoryBytes, MemorySwap: memoryBytes }),
    ...(cpus === undefined ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
    ...(processes === undefined ? {} : { PidsLimit: processes }),
  }
}

/** Throws IMAGE_MISSING when the spec names none. */
export function imageOf({ id, image }: InstanceSpec): string {
  if (image !== undefined && image !== '') return image
  throw new LanistaError('IMAGE_MISSING', `name an image for ${id}: found none, expected one like debian:12`)
}
