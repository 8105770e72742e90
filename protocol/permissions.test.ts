import { describe, expect, it } from 'vitest'
import { everyTenant, permissionsOf, type Role } from './permissions.ts'
import {
  matrixAgent,
  matrixController,
  matrixEveryTenant,
  matrixOperator,
  permissionsMatrix,
  smugglingTokens,
} from './permissions-matrix.ts'
import { isInside, parsePattern } from './subjects/pattern.ts'

const agentOf = (tenant: string, cloud: string, host: string): Role => ({
  kind: 'agent',
  address: { tenant, cloud, host },
})

function nameOf(role: Role): string {
  return role.kind === 'operator' ? `operator of ${role.tenant}` : role.kind
}

describe('the table of permissions', () => {
  it.each(permissionsMatrix.map((c) => [nameOf(c.role), c.action, c.subject, c.allowed, c.role] as const))(
    '%s may %s %s: %s',
    (_, action, subject, allowed, role) => {
      expect(permissionsOf(role)[action].some((pattern) => isInside(pattern, subject))).toBe(allowed)
    },
  )

  it('has only valid patterns, and no subscribe entry that ends in *: old servers accept > below it', () => {
    for (const role of [matrixAgent, matrixController, matrixOperator, matrixEveryTenant]) {
      const { publish, subscribe } = permissionsOf(role)
      for (const pattern of [...publish, ...subscribe]) expect(() => parsePattern(pattern)).not.toThrow()
      for (const pattern of subscribe) expect(pattern).not.toMatch(/(?:^|\.)\*$/)
    }
  })

  it.each(smugglingTokens.concat('_controller', '_home', '_'))(
    'is not made for a tenant, cloud or host named %j',
    (token) => {
      const roles: Role[] = [agentOf(token, 'c1', 'h'), agentOf('t', token, 'h'), agentOf('t', 'c1', token)]
      if (token !== everyTenant) roles.push({ kind: 'operator', tenant: token })
      for (const role of roles)
        expect(() => permissionsOf(role)).toThrow(expect.objectContaining({ code: 'TOKEN_INVALID' }))
    },
  )

  it('keeps agents apart: what one may publish, no other may', () => {
    const agents = [agentOf('t', 'c', 'a'), agentOf('t', 'c', 'b'), agentOf('t', 'd', 'a'), agentOf('u', 'c', 'a')]
    for (const one of agents) {
      for (const other of agents) {
        if (one === other) continue
        const shared = permissionsOf(one).publish.filter((pattern) =>
          permissionsOf(other).publish.some((outer) => isInside(outer, pattern)),
        )
        expect(
          shared.every((pattern) => /\._cloud\.|\._srv\./.test(pattern)),
          shared.join(),
        ).toBe(true)
      }
    }
  })
})
