/** What is shipped, in bytes. */
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { printTable } from './report.ts'

export function benchSize(): Promise<void> {
  const rows = ['agent.mjs', 'lanista.mjs'].map((name) => {
    const bytes = readFileSync(`dist/${name}`)
    return { bundle: name, 'minified kB': kb(bytes.length), 'gzip kB': kb(gzipSync(bytes).length) }
  })
  printTable('Bundles', rows)
  return Promise.resolve()
}

function kb(bytes: number): string {
  return (bytes / 1000).toFixed(0)
}
