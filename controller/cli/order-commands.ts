/** The commands about orders. */
import type { Command } from 'commander'
import type { SharedFlags } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { type OrdersFlags, runOrderCancel, runOrderSend, runOrderShow, runOrders, type SendFlags } from './orders.ts'
import { shared } from './shared-options.ts'
import type { Terminal } from './terminal.ts'

/** Adds `orders`, `orders show`, `orders cancel` and `orders send`. */
export function addOrders(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const orders = shared(program.command('orders'))
    .description('what hosts were told to do, and what became of it; the newest first')
    .option('--host <host>', 'of this host only')
    .option('--state <state>', 'in this state only: queued, sent, received, started, unknown, done, failed, …')
    .option('--limit <n>', 'so many at most (default 100)')
    .action(async (flags: OrdersFlags) => done(await runOrders(flags, terminal)))
  shared(orders.command('show'))
    .description('one order')
    .argument('<id>', 'its id')
    .action(async (id: string, _: SharedFlags, command: Command) =>
      done(await runOrderShow(id, command.optsWithGlobals<SharedFlags>(), terminal)),
    )
  shared(orders.command('cancel'))
    .description('take an order back, where it has not been started')
    .argument('<id>', 'its id')
    .action(async (id: string, _: SharedFlags, command: Command) =>
      done(await runOrderCancel(id, command.optsWithGlobals<SharedFlags>(), terminal)),
    )
  shared(orders.command('send'))
    .description('order a host to do something, whenever it can or now; 1 when it is over and was not done')
    .argument('<to>', 'name of the host, or TENANT.CLOUD.HOST')
    .argument('<verb>', 'ping, sensors-configure, …')
    .argument('[body]', 'JSON for it')
    .option('--cloud <cloud>', 'in this cloud')
    .option('--key <key>', 'what it is about: a newer order with this key takes its place')
    .option('--lifetime <duration>', 'not started later than this (default 1h)')
    .option('--now <duration>', 'wait so long for its end, and fail at once when nobody is there')
    .action(async (host: string, verb: string, body: string | undefined, _: SendFlags, command: Command) =>
      done(await runOrderSend([host, verb, body], command.optsWithGlobals<SendFlags>(), terminal)),
    )
}
