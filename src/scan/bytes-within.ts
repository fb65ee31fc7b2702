import { DriftError } from '../base/errors.js'

/** Told of bytes that the groups of an aggregation take. @throws DriftError LIMIT where they are more than `bytesMax`. */
export function bytesWithin(bytesMax: number): (bytes: number) => void {
  let seen = 0
  return (bytes) => {
    seen += bytes
    if (seen <= bytesMax) return
    const message = `the groups of a query need more than ${bytesMax} bytes of memory`
    throw new DriftError('LIMIT', message, { name: 'queryBytesMax', limit: bytesMax, seen })
  }
}
