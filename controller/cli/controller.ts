import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { controllerConfigSchema, defaultControllerConfig, planController } from '#controller/up/controller-config.ts'
import { Ledger } from '#controller/up/ledger.ts'
import { hostNameOf } from '#controller/up/plan.ts'
import { loadConfig, printConfig, readConfigFile } from '#protocol/runtime/config.ts'
import type { SharedFlags } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import type { Terminal } from './terminal.ts'
import { runFleet } from './up.ts'

export interface ControllerFlags extends SharedFlags {
  readonly config?: string | undefined
  readonly data?: string | undefined
  readonly broker?: string | undefined
  readonly httpPort?: number | undefined
  readonly brokerPort?: number | undefined
  readonly carbonPort?: number | undefined
  /** False with `--no-home-agent`. */
  readonly homeAgent: boolean
  readonly printConfig?: boolean | undefined
}

/** `lanista controller`: the controller as a service, its agent of the cloud `home` beside it, until told to stop. */
export async function runController(flags: ControllerFlags, terminal: Terminal): Promise<ExitCode> {
  const loaded = loadConfig(controllerConfigSchema, {
    defaults: defaultControllerConfig(),
    file: flags.config === undefined ? undefined : readConfigFile(flags.config),
    flags: {
      data: flags.data,
      broker: flags.broker,
      'http.port': flags.httpPort,
      'brokerListen.port': flags.brokerPort,
      ...(flags.homeAgent ? { 'homeAgent.carbon.port': flags.carbonPort } : { homeAgent: false }),
    },
  })
  if (flags.printConfig) {
    terminal.write(printConfig(loaded))
    return 0
  }
  const ledger = await Ledger.open(resolve(loaded.value.data))
  try {
    const name = await ledger.remember('hostName', () => hostNameOf(hostname()))
    return await runFleet(planController(loaded.value, name), ledger, flags.json === true, terminal)
  } finally {
    await ledger.close()
  }
}
