/** A machine whose first process is systemd: a container (`systemd-nspawn --boot`) over a root that it does not change, on this machine's network. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { chmod, cp, mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { until } from './workspace.ts'

/** What `scripts/setup-test-host.sh` made. */
const tree = process.env['LANISTA_SYSTEMD_TREE'] ?? '/var/cache/lanista-test/systemd-tree'
const bootMs = 60_000

/** How a command inside ended. */
export interface Inside {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export class SystemdMachine implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #leader: number

  private constructor(child: ChildProcess, leader: number) {
    this.#child = child
    this.#leader = leader
  }

  /** Boots, with this test's own Node as `/usr/bin/node`. */
  static async boot(name: string): Promise<SystemdMachine> {
    if (!existsSync(join(tree, 'lib/systemd/systemd')))
      throw new Error(`run scripts/setup-test-host.sh as root first: found no root with systemd at ${tree}`)
    const node = realpathSync(process.execPath)
    const words = ['-D', tree, '--boot', '--register=no', '--keep-unit', `--machine=${name}`, '--volatile=overlay']
    const child = spawn('systemd-nspawn', [...words, `--bind-ro=${node}:/usr/bin/node`, '--console=pipe'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said += text
      })
    }
    try {
      let leader: number | undefined
      await until(
        () => {
          if (child.exitCode !== null) throw new Error(`systemd-nspawn ended with ${child.exitCode}: ${said}`)
          leader = initOf(child.pid ?? 0)
          return leader !== undefined
        },
        'first process inside',
        bootMs,
      )
      const machine = new SystemdMachine(child, leader ?? 0)
      const isUp = async (): Promise<boolean> =>
        /^(running|degraded)/.test((await machine.try('systemctl', 'is-system-running')).stdout)
      await until(isUp, 'machine that has booted', bootMs)
      return machine
    } catch (error) {
      // without systemd-nspawn its children would run on
      for (const pid of childrenOf(child.pid ?? 0)) process.kill(pid, 'SIGKILL')
      child.kill('SIGKILL')
      throw error
    }
  }

  /** Runs a command inside; throws what it said when it fails. Returns its stdout without the last line end. */
  async run(...command: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.try(...command)
    if (code !== 0) throw new Error(`${command.join(' ')}: ${code}: ${stderr}${stdout}`)
    return stdout.trimEnd()
  }

  /** Runs a command inside to its end. */
  try(...command: readonly string[]): Promise<Inside> {
    return new Promise((resolve) => {
      const words = ['-t', String(this.#leader), '-a', ...command]
      execFile('nsenter', words, { maxBuffer: 16 * 1024 ** 2 }, (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr })
      })
    })
  }

  /** A property of a unit. */
  async property(unit: string, name: string): Promise<string> {
    return this.run('systemctl', 'show', unit, '--property', name, '--value')
  }

  /** Where a path inside is seen from here. */
  at(path: string): string {
    return `/proc/${this.#leader}/root${path}`
  }

  /** Process ids inside of what was started by exactly this command line. */
  async running(commandLine: string): Promise<readonly string[]> {
    const pids = (await readdir(this.at('/proc'))).filter((name) => /^\d+$/.test(name))
    const lines = await Promise.all(pids.map((pid) => this.read(`/proc/${pid}/cmdline`).catch(() => '')))
    return pids.filter((_, i) => lines[i]?.replaceAll('\0', ' ').trim() === commandLine)
  }

  /** Copies a file or folder of ours to a path inside. */
  async bring(from: string, to: string): Promise<void> {
    await mkdir(dirname(this.at(to)), { recursive: true })
    await cp(from, this.at(to), { recursive: true })
  }

  /** Writes a file inside that everybody may read. */
  async write(path: string, text: string): Promise<void> {
    await mkdir(dirname(this.at(path)), { recursive: true })
    await writeFile(this.at(path), text)
    await chmod(this.at(path), 0o644)
  }

  async read(path: string): Promise<string> {
    return readFile(this.at(path), 'utf8')
  }

  /** All of it ends at once: its first process takes the others with it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    const groups = await groupsOf(this.#leader)
    process.kill(this.#leader, 'SIGKILL')
    await ended
    for (const group of groups) await removeGroups(group)
  }
}

/** The control groups that systemd-nspawn made for itself and for what is inside. */
async function groupsOf(pid: number): Promise<readonly string[]> {
  const lines = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).split('\n')
  const paths = lines.flatMap((line) => /^[^:]*:[^:]*:(.*\/)payload(\/|$)/.exec(line)?.[1] ?? [])
  const roots = ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified', '/sys/fs/cgroup']
  const places = paths.flatMap((path) => roots.map((root) => join(root, path)))
  return places.flatMap((place) => [join(place, 'payload'), join(place, 'supervisor')])
}

/** From the innermost outwards: the kernel removes empty ones alone. */
async function removeGroups(group: string): Promise<void> {
  for (const entry of await readdir(group, { withFileTypes: true }).catch(() => [])) {
    if (entry.isDirectory()) await removeGroups(join(group, entry.name))
  }
  await rmdir(group).catch(() => {})
}

/** The process inside that has become the init; nspawn has others before it. */
function initOf(pid: number): number | undefined {
  try {
    return childrenOf(pid).find((child) => /^(systemd|init)\n/.test(readFileSync(`/proc/${child}/comm`, 'utf8')))
  } catch {
    return undefined // ended while we looked
  }
}

function childrenOf(pid: number): readonly number[] {
  const path = `/proc/${pid}/task/${pid}/children`
  return existsSync(path) ? (readFileSync(path, 'utf8').match(/\d+/g) ?? []).map(Number) : []
}
