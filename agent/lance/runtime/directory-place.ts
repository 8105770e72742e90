/**
 * The folder of an instance that runs in a directory: `work` (where its commands run: its files, its unpacked code in
 * `code`, and what the component writes),
 * `log`, and `control`, where the supervising shell tells what became of the main process.
 */
import { existsSync, readFileSync } from 'node:fs'
import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import { makeFolder } from '#protocol/runtime/data-folder.ts'
import { unpackCode } from './code-archive.ts'
import { codeOf, makePlainFolder, removeInside, writeInside } from './inside.ts'
import type { ProcessExit } from './instance-runtime.ts'
import { makeMembersFolder } from './member-file.ts'
import { type Delivered, type PlaceRecord, placeRecordOf, writePlace } from './place-record.ts'
import { bootMs, exitOfStatus, unseenExit } from './process-exit.ts'
import { controlFiles } from './supervisor.ts'

export const workFolder = (place: string): string => join(place, 'work')
export const logFile = (place: string): string => join(place, 'log', 'out.log')
export const controlFolder = (place: string): string => join(place, 'control')

/**
 * Makes the folder, or gives one that is there the files and the code of a newer spec: what the component wrote into `work`, and its log, stay. Its
 * page says generation 0 until all is in place. Nothing of the instance may run.
 * @throws LanistaError CODE_REFUSED, PATH_REFUSED when the component made a folder or a link where a file is to lie, DISK_FULL
 */
export async function makePlace(
  place: string,
  spec: InstanceSpec,
  hostPorts: Readonly<Record<string, number>>,
  code: string | undefined,
  before: Delivered,
  signal: AbortSignal,
): Promise<PlaceRecord> {
  const delivered = { files: spec.files.map(({ path }) => path), hasCode: code !== undefined }
  const record = placeRecordOf(spec, hostPorts)
  const either = {
    files: [...new Set([...before.files, ...delivered.files])],
    hasCode: before.hasCode || delivered.hasCode,
  }
  try {
    await makeFolder(place)
    writePlace(place, { ...record, generation: 0, delivered: either })
    for (const name of ['work', 'log', 'control']) await makePlainFolder(join(place, name))
    if (spec.members) await makeMembersFolder(place)
    await forgetMain(place)
    await takeBack(workFolder(place), either)
    if (code !== undefined) await unpackCode(code, join(workFolder(place), 'code'), signal)
    for (const { path, text, isExecutable } of spec.files) {
      await writeInside(workFolder(place), path, Buffer.from(text), isExecutable ? 0o755 : 0o644)
    }
    const complete = { ...record, generation: spec.generation, delivered }
    writePlace(place, complete)
    return complete
  } catch (error) {
    throw asDiskFull(error)
  }
}

/** Removes what lies where a spec has put something, or is about to: a link of the component's there is not written through. */
async function takeBack(work: string, { files, hasCode }: Delivered): Promise<void> {
  if (hasCode) await rm(join(work, 'code'), { recursive: true, force: true })
  for (const path of files) await removeInside(work, path)
}

/** What the place's disk says, in the runtime's words. */
export function asDiskFull(error: unknown): unknown {
  const code = codeOf(error)
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error
  return new LanistaError('DISK_FULL', `make room on the disk: found ${messageOf(error)}, expected to write`, {
    cause: error,
  })
}

/** How the last main process ended; undefined while it runs, before it ran, and when nobody saw it. With the machine, it ended unseen. */
export async function readExit(place: string): Promise<ProcessExit | undefined> {
  const path = join(controlFolder(place), controlFiles.exit)
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined || !/^\d+\s*$/.test(text)) return undefined
  const written = await stat(path).catch(() => undefined)
  // by the machine's own clock, which is the file system's
  return written && written.mtimeMs < bootMs(Date.now()) ? unseenExit : exitOfStatus(Number(text))
}

/** The supervising shell's process id; undefined when none has been started. */
export async function readSupervisor(place: string): Promise<number | undefined> {
  const text = await readFile(join(controlFolder(place), controlFiles.pid), 'utf8').catch(() => '')
  const pid = Number(text)
  return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined
}

/** How the last main process ended, without a look at the process table; undefined while its shell is there. */
export async function endOfMain(place: string): Promise<ProcessExit | undefined> {
  // asked of each instance every 0.3 s: without the threads that reading takes where something has to be waited for
  const control = controlFolder(place)
  if (!existsSync(join(control, controlFiles.exit)) && isRunning(join(control, controlFiles.pid))) return undefined
  return (await readExit(place)) ?? unseenExit
}

function isRunning(pidFile: string): boolean {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'))
    return Number.isSafeInteger(pid) && pid > 1 && isAlive(pid)
  } catch {
    return false
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

/** Forgets the last main process, before another is started. */
export async function forgetMain(place: string): Promise<void> {
  for (const name of Object.values(controlFiles)) await rm(join(controlFolder(place), name), { force: true })
}
