import type { Reporter, TestModule } from 'vitest/node'

/** Ends the run with one line, `N passed, N failed`; a file that could not be run counts as one failure, a skipped test is named. */
export class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const count = (state: string): number => tests.filter((test) => test.result().state === state).length
    const broken = modules.filter((module) => module.errors().length > 0).length
    const skipped = count('skipped')
    const line = `${count('passed')} passed, ${count('failed') + broken + errors.length} failed`
    // after the default reporter's own summary
    process.once('exit', () => process.stdout.write(`${line}${skipped > 0 ? `, ${skipped} skipped` : ''}\n`))
  }
}
