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
