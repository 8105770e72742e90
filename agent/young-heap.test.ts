import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

/** MiB of the young generation of a process that keeps some of what it makes for a while. */
function youngHeapMib(prelude: string): number {
  const program = `
    ${prelude}
    const { getHeapSpaceStatistics } = await import('node:v8')
    let kept = []
    for (let i = 0; i < 2e6; i++) {
      kept.push({ i, of: [i] })
      if (kept.length > 60000) kept = kept.slice(30000)
    }
    console.log(getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').physical_space_size / 2 ** 20)`
  return Number(execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program]).toString())
}

test('the young generation stays small, however much garbage is made', { timeout: 30_000 }, () => {
  const module = JSON.stringify(new URL('./young-heap.ts', import.meta.url).href)
  expect(youngHeapMib('')).toBeGreaterThan(8)
  expect(youngHeapMib(`(await import(${module})).keepYoungHeapSmall()`)).toBeLessThan(8)
})
