// What an application does: one line of text per value to the agent on its own machine, as it would to carbon.
//   node examples/send-orders.mjs [PORT]
import { connect } from 'node:net'

const port = Number(process.argv[2] ?? 2003)
const socket = connect(port, '127.0.0.1')
const seconds = Math.floor(Date.now() / 1000)

socket.write(`shop.orders 42 ${seconds}\n`)
socket.write(`shop.latency;route=checkout 0.125 ${seconds}\n`)
socket.end()
