import { expect, test } from 'vitest'
import { fakeTerminal } from './fake-terminal.ts'
import { LiveBlock } from './live.ts'

test('the second drawing goes over the first, cut to the terminal', () => {
  const terminal = fakeTerminal({ columns: 5, rows: 3 })
  const block = new LiveBlock(terminal)
  block.draw(['first line', 'second', 'third'])
  block.draw(['x'])
  expect(terminal.written()).toBe('first\u001b[K\nsecon\u001b[K\n\u001b[0J\u001b[2A\rx\u001b[K\n\u001b[0J')
})
