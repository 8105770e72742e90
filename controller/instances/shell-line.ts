import type { Command } from '#protocol/application/model.ts'

/** A command as one line of a shell, whatever is in it. */
export function lineOf(command: Command): string {
  if (typeof command === 'string') return `{ ${command}\n}`
  return command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
}
