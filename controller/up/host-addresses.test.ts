import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { firstOfBlock, hostAddresses } from './host-addresses.ts'
import { planUp, type UpFlags } from './plan.ts'

let data: string
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'addresses-'))
})
afterEach(() => rmSync(data, { recursive: true }))

/** Addresses by host, beside no engine. */
async function addressesOf(flags: Partial<UpFlags>): Promise<Record<string, unknown>> {
  const base = { data, restart: 'always', httpPort: 0, carbonPort: 0, broker: 'embedded' } as const
  const plan = planUp({ ...base, dockerHost: `unix://${data}/no.sock`, ...flags }, 'box')
  return Object.fromEntries(await hostAddresses(plan, silentLogger))
}

test.runIf(process.platform === 'linux')('where there is no engine, hosts have addresses of the loop', async () => {
  expect(await addressesOf({ hosts: 2 })).toEqual({
    'default.home.box': { address: '127.0.0.2' },
    'default.home.box-2': { address: '127.0.0.3' },
  })
})

test('one host has the address of its machine, and so have those that were told to', async () => {
  expect(await addressesOf({})).toEqual({})
  expect(await addressesOf({ hosts: 2, hostAddresses: 'shared' })).toEqual({})
})

test('those that the machine has for them are counted up', async () => {
  const found = await addressesOf({ hosts: 2, hostAddresses: '10.9.0.254' })
  expect(Object.values(found)).toEqual([{ address: '10.9.0.254' }, { address: '10.9.0.255' }])
})

test('a host keeps the address that its instances listen on, also the one of the machine', async () => {
  const lent = { cloudAddress: '198.18.7.9', isAddressOwn: true, addressDevice: 'lo' }
  for (const [host, instances] of [
    ['box', lent],
    ['box-2', {}],
    ['box-3', lent],
  ] as const) {
    const folder = join(data, 'agents', `home.${host}`)
    mkdirSync(join(folder, 'instances', ...(host === 'box-3' ? [] : ['shop-db-1'])), { recursive: true })
    writeFileSync(join(folder, 'agent.json'), JSON.stringify({ instances }))
  }
  expect(await addressesOf({ hosts: 3, hostAddresses: '10.9.0.2' })).toEqual({
    'default.home.box': { address: '198.18.7.9', device: 'lo' },
    'default.home.box-3': { address: '10.9.0.4' },
  })
})

test('addresses to be lent are of nobody', () => {
  expect(firstOfBlock('/a')).toMatch(/^198\.1[89]\.\d{1,3}\.2$/)
  expect(firstOfBlock('/a')).not.toBe(firstOfBlock('/b'))
})
