import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { SummaryReporter } from './test/summary-reporter.ts'

const slow = ['test/integration/**/*.test.ts', 'test/e2e/**/*.test.ts', '**/*.slow.test.ts']

/** `fast`: unit, property and contract tests in process; `slow`: real brokers, real processes, real faults. */
const config: ViteUserConfig = defineConfig({
  test: {
    reporters: ['default', new SummaryReporter()],
    projects: [
      {
        test: {
          name: 'fast',
          include: ['**/*.test.ts'],
          exclude: ['node_modules/**', 'dist/**', ...slow],
          testTimeout: 20_000,
          // they compute: every core, where vitest would leave one out
          maxWorkers: '100%',
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'slow',
          include: slow,
          exclude: ['node_modules/**', 'dist/**'],
          testTimeout: 180_000,
          hookTimeout: 60_000,
          // they mostly wait: for processes to start, for silence to be noticed
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})

export default config
