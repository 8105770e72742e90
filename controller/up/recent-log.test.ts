import { expect, test } from 'vitest'
import { RecentLog } from './recent-log.ts'

test('the newest warnings and errors stay, with the fields of their logger', () => {
  const recent = new RecentLog()
  const logger = recent.logger().child({ component: 'up' })
  logger.info({}, 'not_shown')
  for (let i = 1; i <= 5; i++) logger.warn({ i }, 'agent_ended')
  logger.error({}, 'broker_lost')
  expect(recent.lines).toEqual([
    'warn agent_ended {"component":"up","i":3}',
    'warn agent_ended {"component":"up","i":4}',
    'warn agent_ended {"component":"up","i":5}',
    'error broker_lost {"component":"up"}',
  ])
})

test('of what a child says, only what is no chatter stays', () => {
  const recent = new RecentLog()
  recent.pushChildLine('{"level":"info","msg":"agent_started"}')
  recent.pushChildLine('{"level":"warn","msg":"sensor_failed"}')
  recent.pushChildLine('lanista agent: out of memory')
  expect(recent.lines).toEqual(['{"level":"warn","msg":"sensor_failed"}', 'lanista agent: out of memory'])
})
