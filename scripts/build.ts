/**
 * Builds what is shipped: `dist/agent.mjs` (the agent), `dist/lanista.mjs` (command line and controller), LevelDB's
 * prebuilt binding beside them, and `dist/agent-bundle.tar.gz`, which agents are upgraded to. Prints the sizes; `--metafile` keeps esbuild's import graph.
 */
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { type WrittenMember, writeTar } from '#protocol/archive/tar-writer.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const dist = join(root, 'dist')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

/** CommonJS dependencies inside an ES module need `require`, `__filename` and `__dirname` of their own. */
const banner = [
  '#!/usr/bin/env node',
  "import { createRequire as __createRequire } from 'node:module'",
  "import { fileURLToPath as __fileURLToPath } from 'node:url'",
  "import { dirname as __pathDirname } from 'node:path'",
  'const require = __createRequire(import.meta.url)',
  'const __filename = __fileURLToPath(import.meta.url)',
  'const __dirname = __pathDirname(__filename)',
].join('\n')

const shared: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  minify: true,
  sourcemap: 'linked',
  sourcesContent: false,
  metafile: true,
  legalComments: 'none',
  banner: { js: banner },
  define: { __LANISTA_VERSION__: JSON.stringify(version), 'process.env.NODE_ENV': '"production"' },
  logLevel: 'warning',
}

/** What only some need stays a file of its own, loaded when asked for. */
const apart: Plugin = {
  name: 'apart',
  setup: ({ onResolve }) => {
    onResolve(
      { filter: /^(systeminformation|dockerode)$|\/(nats-client|mqtt-client|ec2-sdk)\.ts$/ },
      ({ kind, path }) => (kind === 'entry-point' ? null : { path: `./${basename(path, '.ts')}.mjs`, external: true }),
    )
  },
}

/** Packages that do again what Node has, or what we never call, replaced so that the agent stays small. */
const slim: Plugin = {
  name: 'slim',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^(readable-stream|nkeys\.js|worker-timers)$/ }, ({ path }) => ({ path, namespace: 'slim' }))
    // dockerode's ways to an engine elsewhere (SSH) and to build images: ours is behind a socket of this host and builds none
    onResolve(
      { filter: /^(ssh2|@grpc\/grpc-js|@grpc\/proto-loader|protobufjs|tar-fs|@balena\/dockerignore)$/ },
      () => ({
        path: 'nothing',
        namespace: 'slim',
      }),
    )
    onLoad({ filter: /^nothing$/, namespace: 'slim' }, () => ({ contents: 'module.exports = {}' }))
    // mqtt and bl bring two copies of Node's own streams
    onLoad({ filter: /^readable-stream$/, namespace: 'slim' }, () => ({
      contents: "module.exports = require('stream')",
    }))
    // mqtt's timers for browsers: we ask for native ones
    onLoad({ filter: /^worker-timers$/, namespace: 'slim' }, () => ({ contents: 'module.exports = {}' }))
    // nats signs with nkeys.js only in authenticators that we do not use: broker/nkey.ts does it with node:crypto
    onLoad({ filter: /^nkeys\.js$/, namespace: 'slim' }, () => ({ contents: 'module.exports = {}' }))
  },
}

async function bundle(entry: string, name: string): Promise<void> {
  const result = await build({ ...shared, entryPoints: [entry], outfile: join(dist, name), plugins: [apart, slim] })
  const bytes = readFileSync(join(dist, name))
  chmodSync(join(dist, name), 0o755)
  if (process.argv.includes('--metafile'))
    writeFileSync(join(dist, `${name}.meta.json`), JSON.stringify(result.metafile))
  process.stderr.write(`dist/${name}  ${kib(bytes.length)} minified, ${kib(gzipSync(bytes).length)} gzip\n`)
}

/** LevelDB's prebuilt bindings for Linux and for this platform, where the bundled loader looks for them: beside the bundle. */
function copyBindings(): void {
  const from = join(root, 'node_modules/classic-level/prebuilds')
  for (const platform of readdirSync(from)) {
    if (platform.startsWith('linux-') || platform.startsWith(`${process.platform}-`)) {
      cpSync(join(from, platform), join(dist, 'prebuilds', platform), { recursive: true })
    }
  }
}

/** What `lanista hosts upgrade` sends: all that runs on a host, in one archive that is the same for the same build. */
async function packAgent(): Promise<void> {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { engines: { node: string } }
  const manifest = { version, node: engines.node.replace(/^>=/, '') }
  writeFileSync(join(dist, 'bundle.json'), `${JSON.stringify(manifest)}\n`)
  const bindings = readdirSync(join(dist, 'prebuilds'), { recursive: true, encoding: 'utf8' })
  const paths = ['bundle.json', 'agent.mjs', ...loadedByAgents].concat(
    bindings.filter((path) => path.endsWith('.node')).map((path) => `prebuilds/${path}`),
  )
  const members = paths.toSorted().map((path): WrittenMember => {
    const content = readFileSync(join(dist, path))
    return { path, kind: 'file', mode: 0o644, bytes: content.length, target: '', content: [content] }
  })
  const pieces: Uint8Array[] = []
  for await (const piece of writeTar(members)) pieces.push(piece)
  const archive = gzipSync(Buffer.concat(pieces), { level: 9 })
  writeFileSync(join(dist, 'agent-bundle.tar.gz'), archive)
  process.stderr.write(`dist/agent-bundle.tar.gz  ${kib(archive.length)}\n`)
}

function kib(bytes: number): string {
  return `${(bytes / 1024).toFixed(0)} KiB`
}

/** By the agent: on systems other than Linux, beside a Docker engine, on NATS, on MQTT. */
const loadedByAgents = ['systeminformation.mjs', 'dockerode.mjs', 'nats-client.mjs', 'mqtt-client.mjs']

rmSync(dist, { recursive: true, force: true })
mkdirSync(dist, { recursive: true })
await bundle('systeminformation', 'systeminformation.mjs')
await bundle('dockerode', 'dockerode.mjs')
await bundle('broker/nats-client.ts', 'nats-client.mjs')
await bundle('broker/mqtt-client.ts', 'mqtt-client.mjs')
await bundle('controller/clouds/ec2/ec2-sdk.ts', 'ec2-sdk.mjs')
await bundle('agent/main.ts', 'agent.mjs')
await bundle('controller/main.ts', 'lanista.mjs')
copyBindings()
await packAgent()
