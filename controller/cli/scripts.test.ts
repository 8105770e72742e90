import { expect, it } from 'vitest'
import { scriptsText } from './scripts.ts'

it('scripts are shown on each host, as never started, running, or stopped with their code', () => {
  const at = { cloud: 'home', is_member: true }
  const instances = [
    {
      ...at,
      name: 'shop/crunch-1',
      host: 'h1',
      role: 'master',
      scripts: {
        init: { state: 'stopped' as const, code: 0, since_ms: 40_000 },
        run: { state: 'running' as const, code: null, since_ms: 90_000 },
        notify: { state: 'stopped' as const, code: null, since_ms: 100_000 },
        cleanup: null,
      },
    },
    { ...at, name: 'shop/crunch-2', host: 'h2', role: 'node', scripts: null },
    { ...at, name: 'shop/crunch-3', host: 'h3', role: 'node', is_member: false, scripts: { init: null } },
  ]
  expect(scriptsText({ instances }, 100_000)).toBe(
    `INSTANCE       HOST     ROLE              SCRIPT   STATUS                         STARTED
shop/crunch-1  home.h1  master            init     STOPPED (return code 0)            60s
shop/crunch-1  home.h1  master            run      RUNNING                            10s
shop/crunch-1  home.h1  master            notify   STOPPED (return code unknown)       0s
shop/crunch-1  home.h1  master            cleanup  NEVER STARTED                        -
shop/crunch-2  home.h2  node              -        not known: its host is silent        -
shop/crunch-3  home.h3  node, not up yet  init     NEVER STARTED                        -
`,
  )
})
