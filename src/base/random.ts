import { randomBytes } from 'node:crypto'

/** A source of random bytes, a parameter like the clock: database ids and hash seeds come from it. */
export type Random = (bytes: number) => Uint8Array

export const systemRandom: Random = (bytes) => new Uint8Array(randomBytes(bytes))
