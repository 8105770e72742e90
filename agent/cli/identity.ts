import { hostIdOf, parseAgentId } from '#protocol/subjects/subject.ts'
import { openIdentity } from '../identity.ts'
import type { Command } from './arguments.ts'

/** Prints the public half of the identity in the folder, making it when there is none. */
export async function identity(command: Extract<Command, { kind: 'identity' }>): Promise<number> {
  const address = parseAgentId(command.id)
  const { publicKey } = await openIdentity(command.data, address)
  const answer = { id: hostIdOf(address), nkey: publicKey }
  process.stdout.write(command.json ? `${JSON.stringify(answer)}\n` : `${answer.id} ${answer.nkey}\n`)
  return 0
}
