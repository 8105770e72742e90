import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { z } from 'zod'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { hostIdOf } from '#protocol/subjects/subject.ts'
import type { KnownAgent, PlannedHost } from './plan.ts'

const run = promisify(execFile)

/** Longest time the agent's bundle may take to make a key, ms. */
const deadlineMs = 30_000

/** Keys made at once: each is a process. */
const atOnce = 4

const answerSchema = z.object({ id: z.string(), nkey: z.string() })

/**
 * The public keys of our agents, in the order of `hosts`. The agent's own command makes what is missing: the seed never leaves
 * the agent's folder.
 * @throws LanistaError AGENT_FAILED
 */
export async function agentIdentities(bundle: string, hosts: readonly PlannedHost[]): Promise<KnownAgent[]> {
  const agents: KnownAgent[] = []
  for (let i = 0; i < hosts.length; i += atOnce) {
    agents.push(...(await Promise.all(hosts.slice(i, i + atOnce).map((host) => agentIdentity(bundle, host)))))
  }
  return agents
}

async function agentIdentity(bundle: string, host: PlannedHost): Promise<KnownAgent> {
  const id = hostIdOf(host.address)
  const args = [bundle, 'identity', '--data', host.folder, '--id', id, '--json']
  try {
    const { stdout } = await run(process.execPath, args, { timeout: deadlineMs })
    return { address: host.address, publicKey: answerSchema.parse(JSON.parse(stdout)).nkey }
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    throw new LanistaError(
      'AGENT_FAILED',
      `see to the key of ${id} in ${host.folder}: found ${said || messageOf(error)}`,
      {
        cause: error,
        data: { id },
      },
    )
  }
}
