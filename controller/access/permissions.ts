/** What each role may ask of the API: one table, asked in one place. */

import { LanistaError } from '#protocol/errors.ts'

/** From little to much: each may do what those before it may. */
export const roles = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof roles)[number]

/** Below these paths everything, questions too, needs this role. */
const guarded: readonly (readonly [path: string, role: Role])[] = [
  ['/api/v1/audit', 'admin'],
  ['/api/v1/secrets', 'admin'],
  ['/api/v1/tokens', 'admin'],
]

/** POSTs that change nothing. */
const questions: ReadonlySet<string> = new Set([
  '/api/v1/applications/:name/plan',
  '/api/v1/rules/:id/dry-run',
  '/api/v1/rules/replay',
])

/** Throws FORBIDDEN. */
export function expectRole(role: Role, method: string, path: string): void {
  const needed = roleFor(method, path)
  if (roles.indexOf(role) >= roles.indexOf(needed)) return
  throw new LanistaError('FORBIDDEN', `ask somebody who may: found the role ${role}, expected ${needed}`, {
    data: { role, needed },
  })
}

/** The least role for a route, by its path as it is declared: questions are the viewer's, changes the operator's. */
export function roleFor(method: string, path: string): Role {
  const guard = guarded.find(([below]) => path === below || path.startsWith(`${below}/`))
  if (guard) return guard[1]
  return method === 'GET' || method === 'HEAD' || (method === 'POST' && questions.has(path)) ? 'viewer' : 'operator'
}
