import type { FromHosts } from './client.ts'
import type { ExitCode } from './exit-code.ts'
import type { Terminal } from './terminal.ts'

/** Names the hosts that did not answer on stderr: 1 when nobody did and there is nothing to show, else 0. */
export function hostsVerdict(
  { answered, unanswered }: Pick<FromHosts, 'answered' | 'unanswered'>,
  hasAnswer: boolean,
  terminal: Pick<Terminal, 'note'>,
): ExitCode {
  if (unanswered === '') return 0
  const [count, names = ''] = unanswered.split('; ')
  terminal.note(`lanista: ${count} host${count === '1' ? '' : 's'} did not answer: ${names}`)
  return answered === 0 && !hasAnswer ? 1 : 0
}
