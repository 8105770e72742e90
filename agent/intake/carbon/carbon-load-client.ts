/** Program: sends a load built beforehand to a carbon port, waits for the end of the answer, prints `{"seconds":…}`. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { carbonLoad } from './carbon-load.ts'

const [port = 0, series = 1000, lines = 1_000_000] = process.argv.slice(2).map(Number)
/** Lines built; sent over and over. */
const builtMax = 1_000_000
const steps = Math.max(1, Math.floor(Math.min(lines, builtMax) / series))
const load = carbonLoad({ series, steps })
const repeats = Math.max(1, Math.round(lines / (steps * series)))

const socket = connect(port, '127.0.0.1')
await once(socket, 'connect')
const start = performance.now()
socket.resume()
for (let i = 0; i < repeats; i++) {
  if (!socket.write(load)) await once(socket, 'drain')
}
socket.end()
await once(socket, 'close')
process.stdout.write(JSON.stringify({ seconds: (performance.now() - start) / 1000 }))
