import type { SampleWindow } from '#controller/window/window.ts'
import type { Vitals } from './host-view.ts'

/** Newest vital signs of a host (`T.C.H`) out of the window. Null where it has not said. */
export function vitalsOf(window: SampleWindow, host: string): Vitals {
  const [rx, tx] = [newest(window, host, 'network.rx'), newest(window, host, 'network.tx')]
  return {
    cpu: newest(window, host, 'cpu.usage'),
    memory: newest(window, host, 'memory.usage'),
    disk: newest(window, host, 'filesystem.usage;mount=/'),
    network: rx === null && tx === null ? null : (rx ?? 0) + (tx ?? 0),
  }
}

function newest(window: SampleWindow, host: string, canonical: string): number | null {
  const series = window.find(host, canonical)
  const span = series && window.read(series, -Infinity, Infinity)
  return span && span.end > span.start ? (span.values[span.end - 1] ?? null) : null
}
