import { describe, expect, it } from 'vitest'
import { parseArguments } from './arguments.ts'

describe('the agent command line', () => {
  it('runs when nothing else is asked for', () => {
    expect(parseArguments([])).toMatchObject({ kind: 'run', mode: 'serve', json: false })
    expect(parseArguments(['--test'])).toMatchObject({ kind: 'run', mode: 'test' })
    expect(parseArguments(['run', '--once', '--config', 'a.yaml'])).toMatchObject({ mode: 'once', config: 'a.yaml' })
  })

  it('reads lines from a file or from standard input, at a given time', () => {
    expect(parseArguments(['lines'])).toMatchObject({ kind: 'lines', file: '-', nowMs: undefined })
    expect(parseArguments(['lines', 'x.txt', '--now', '1700000000000'])).toMatchObject({ file: 'x.txt', nowMs: 1.7e12 })
  })

  it('looks into the store of a stopped agent', () => {
    expect(parseArguments(['store', 'stats', '--data', 'd', '--json'])).toMatchObject({ action: 'stats', json: true })
    expect(
      parseArguments(['store', 'export', 'cpu.*', '--data', 'd', '--from', '-1h', '--format', 'csv']),
    ).toMatchObject({
      kind: 'store',
      action: 'export',
      match: 'cpu.*',
      from: '-1h',
      format: 'csv',
    })
  })

  it.each([
    [['store'], 'choose one of stats, check'],
    [['store', 'check'], '--data DIR'],
    [['store', 'check', 'cpu.*', '--data', 'd'], 'leave out "cpu.*"'],
    [['store', 'dump', '--from', '-1h', '--data', 'd'], 'leave out --from'],
    [['store', 'export', '--format', 'xml', '--data', 'd'], 'found "xml"'],
    [['fly'], 'choose one of run, check, identity, leave, lines, store: found "fly"'],
    [['--bogus'], "Unknown option '--bogus'"],
    [['run', 'twice'], 'leave out "twice"'],
    [['identity', '--data', 'd'], '--id TENANT.CLOUD.HOST'],
    [['leave'], '--data DIR'],
    [['leave', '--data', 'd', '--deadline', '2d'], 'give --deadline up to 1d'],
    [['leave', '--data', 'd', '--deadline', 'soon'], 'found "soon"'],
    [['lines', '--now', 'yesterday'], 'found "yesterday"'],
    [['--once', '--test'], 'one of --once and --test'],
  ])('refuses %j', (args, message) => {
    expect(() => parseArguments(args)).toThrow(message)
  })
})
