// What an operator's program does: subscribe to metrics of every host and cloud, over NATS.
//   node examples/hear-orders.mjs nats://USER:PASSWORD@HOST:PORT      (the ready line of `lanista up --broker nats --json`)
import { connect } from 'nats'

const url = new URL(process.argv[2] ?? '')
const bus = await connect({ servers: url.host, user: url.username, pass: url.password })
const orders = bus.subscribe('lanista.*.*.*.metric.shop.orders')
await bus.flush()
console.log('listening')

for await (const message of orders) {
  const [, tenant, cloud, host] = message.subject.split('.')
  const { t, v } = message.json()
  console.log(`${tenant} ${cloud} ${host}: ${v} orders at ${new Date(t).toISOString()}`)
}
