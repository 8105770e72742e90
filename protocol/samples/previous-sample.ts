/**
 * For each sample of a batch the index of the sample of the same series before it, −1 for the first: what the value column
 * predicts from. Dense ids take a table, sparse ones a sort; no choice of ids makes it slower than n log n.
 */
export function previousSamples(seriesIds: Uint32Array): Int32Array {
  let idMax = 0
  for (const id of seriesIds) if (id > idMax) idMax = id
  return idMax < seriesIds.length * 8 + 1_024 ? byTable(seriesIds, idMax) : bySort(seriesIds)
}

function byTable(seriesIds: Uint32Array, idMax: number): Int32Array {
  const previous = new Int32Array(seriesIds.length)
  const newest = new Int32Array(idMax + 1).fill(-1)
  for (let i = 0; i < seriesIds.length; i++) {
    const id = seriesIds[i] as number
    previous[i] = newest[id] as number
    newest[id] = i
  }
  return previous
}

/** Sorts id and index as one exact number; neighbours with the same id follow each other in the batch. */
function bySort(seriesIds: Uint32Array): Int32Array {
  const scale = 2 ** 20
  const keys = Float64Array.from(seriesIds, (id, i) => id * scale + i).sort()
  const previous = new Int32Array(seriesIds.length).fill(-1)
  for (let k = 1; k < keys.length; k++) {
    const key = keys[k] as number
    const before = keys[k - 1] as number
    if (Math.floor(key / scale) === Math.floor(before / scale)) previous[key % scale] = before % scale
  }
  return previous
}
