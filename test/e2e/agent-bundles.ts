/** Bundles to upgrade to: the built one under other versions, and ones that do not work. */
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gunzipSync, gzipSync } from 'node:zlib'
import { readTar } from '#protocol/archive/tar-reader.ts'
import { type WrittenMember, writeTar } from '#protocol/archive/tar-writer.ts'

/** What the agent does when it is run; its check of the configuration passes. */
const faults = {
  none: '',
  crash: "if (process.argv[2] === 'run') process.exit(3);",
  hang: "if (process.argv[2] === 'run') for (;;);",
  deaf: "import __net from 'node:net'; if (process.argv[2] === 'run') __net.Socket.prototype.connect = function () { return this };",
} as const

/** Writes `<folder>/<version>.tar.gz` and returns its path. */
export async function makeBundle(
  dist: string,
  folder: string,
  version: string,
  fault: keyof typeof faults,
): Promise<string> {
  const archive = gunzipSync(readFileSync(join(dist, 'agent-bundle.tar.gz')))
  const built = (JSON.parse(readFileSync(join(dist, 'bundle.json'), 'utf8')) as { version: string }).version
  const members: WrittenMember[] = []
  for await (const { content, ...member } of readTar(Readable.from([archive]))) {
    const pieces: Uint8Array[] = []
    for await (const piece of content) pieces.push(piece)
    const bytes = changed(member.path, Buffer.concat(pieces), built, version, faults[fault])
    members.push({ ...member, bytes: bytes.length, content: [bytes] })
  }
  const pieces: Uint8Array[] = []
  for await (const piece of writeTar(members)) pieces.push(piece)
  const path = join(folder, `${version}.tar.gz`)
  await writeFile(path, gzipSync(Buffer.concat(pieces), { level: 1 }))
  return path
}

function changed(path: string, bytes: Buffer, built: string, version: string, fault: string): Buffer {
  if (path === 'bundle.json') return Buffer.from(bytes.toString('utf8').replace(built, version))
  if (path !== 'agent.mjs') return bytes
  const [shebang = '', ...rest] = bytes.toString('utf8').replaceAll(`"${built}"`, `"${version}"`).split('\n')
  return Buffer.from([shebang, fault, ...rest].join('\n'))
}
