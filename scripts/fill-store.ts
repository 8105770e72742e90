/** `fill-store.ts FOLDER SERIES STEPS`: fills a store, prints what it cost in memory as JSON, and waits to be killed. For `npm run bench -- store`. */
import { fillMemory } from '#agent/store/store-bench.ts'

const [folder = '', series = '', steps = ''] = process.argv.slice(2)
setInterval(() => {}, 60_000)
console.log(JSON.stringify(await fillMemory(folder, Number(series), Number(steps))))
