/** The line that a runtime writes into an instance's log before each start, so that the words of one run are told from those before. */
export const startLine = '[lanista] start'

/** The lines after the last start; all of them when its line is not among them. */
export function sinceStart(lines: readonly string[]): readonly string[] {
  return lines.slice(lines.lastIndexOf(startLine) + 1)
}
