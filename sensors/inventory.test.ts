import { expect, it } from 'vitest'
import { readInventory } from './inventory.ts'

const facts = {
  kernel: '6.1.0',
  arch: 'x64',
  cpu: ' Xeon ',
  cores: 4,
  memoryBytes: 1024,
  addresses: ['192.0.2.1', '2001:db8::1'],
  version: '#1 SMP',
}

it('tells what the machine is, from small files and the system', () => {
  const files: Record<string, string> = {
    '/etc/os-release': 'NAME=Debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    '/etc/machine-id': 'abc\n',
    '/sys/class/dmi/id/sys_vendor': 'Amazon EC2\n',
    '/sys/class/dmi/id/product_name': 't3.small\n',
  }
  expect(readInventory({ facts, file: (path) => files[path] })).toEqual({
    os: 'Debian GNU/Linux 12 (bookworm)',
    kernel: '6.1.0',
    arch: 'x64',
    cpu: 'Xeon',
    cores: 4,
    memory_bytes: 1024,
    addresses: '192.0.2.1 2001:db8::1',
    machine_id: 'abc',
    hardware: 'Amazon EC2 t3.small',
  })
})

it('leaves out what is not known', () => {
  const found = readInventory({ facts: { ...facts, cpu: undefined, addresses: [] }, file: () => undefined })
  expect(Object.keys(found)).toEqual(['os', 'kernel', 'arch', 'cores', 'memory_bytes'])
})

it('knows this machine', () => {
  expect(readInventory()['memory_bytes']).toBeGreaterThan(1e6)
})
