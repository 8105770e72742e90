import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '#protocol/runtime/clock.ts'
import { type Logger, silentLogger } from '#protocol/runtime/logger.ts'
import { openStore } from '../store/open-store.ts'
import type { HistoryStore } from '../store/store.ts'
import { Intake } from './intake.ts'
import { recordReadings } from './readings.ts'

let folder: string
let store: HistoryStore
const logger: Logger = { ...silentLogger, warn: vi.fn() }

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanista-intake-'))
  store = await openStore({ folder }, { clock: systemClock, logger: silentLogger })
})

afterEach(async () => {
  await store.close()
  await rm(folder, { recursive: true, force: true })
})

describe('the intake', () => {
  it('refuses new series above a budget, says which one, and lets known series flow', () => {
    const intake = new Intake({ seriesMax: 100, clientSeriesMax: 2 }, { store, logger })
    const id = intake.seriesId('shop.web.a', undefined, '10.0.0.1')
    expect(intake.seriesId('shop.web.b', undefined, '10.0.0.1')).toBeGreaterThanOrEqual(0)
    expect(intake.seriesId('shop.web.c', undefined, '10.0.0.1')).toBe(-1)
    expect(intake.seriesId('shop.web.a', undefined, '10.0.0.1')).toBe(id)
    expect(intake.seriesId('shop.web.c', undefined, '10.0.0.2')).toBeGreaterThanOrEqual(0)
    expect(intake.refusedSeries).toEqual({ series: 0, prefix: 0, client: 1 })
    expect(intake.topTalkers(1)).toEqual({
      prefixes: [{ name: 'shop.web', series: 3, refused: 1 }],
      clients: [{ name: '10.0.0.1', series: 2, refused: 1 }],
    })
    expect(logger.warn).toHaveBeenCalledWith(
      { budget: 'client', name: '10.0.0.1', percent: 90, series: 2, seriesMax: 2 },
      'series_budget_near',
    )
  })

  it('counts what the store held before, and what came another way', () => {
    store.seriesId('shop.web.old')
    const intake = new Intake({ seriesMax: 3 }, { store, logger })
    store.seriesId('results.mean')
    expect(intake.seriesId('shop.web.new')).toBeGreaterThanOrEqual(0)
    expect(intake.seriesId('shop.web.newer')).toBe(-1)
    expect(intake.topTalkers(5).prefixes).toContainEqual({ name: 'results.mean', series: 1, refused: 0 })
  })

  it('takes nothing of a budget for a name that the store refuses', () => {
    const intake = new Intake({ seriesMax: 10 }, { store, logger })
    intake.seriesId('8yn0iYCKYHlIj4-BwPqk', undefined, '10.0.0.1')
    expect(intake.seriesId('GReLUrM4wMqfg9yzV3KQ', undefined, '10.0.0.1')).toBe(-1)
    expect(store.stats().collisions).toBe(1)
    expect(intake.topTalkers(1).clients).toEqual([{ name: '10.0.0.1', series: 1, refused: 0 }])
  })

  it('takes the readings of the sensors when a flood has used up all series', () => {
    const intake = new Intake({ seriesMax: 5 }, { store, logger })
    for (let i = 0; i < 10; i++) intake.seriesId(`flood.n${i}`, undefined, '10.0.0.1')
    recordReadings(intake, 1000, [{ name: 'cpu.usage', value: 4, unit: 'percent' }])
    expect(store.findSeries('cpu.usage')).toBeDefined()
    expect(intake.accepted).toBe(1)
  })
})
