/** Shared arrays with one writing thread: what is published with {@link publishWord} is seen whole by who reads it with {@link readWord}. */

export function sharedInt32(length: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(length * 4))
}

export function sharedUint32(length: number): Uint32Array {
  return new Uint32Array(new SharedArrayBuffer(length * 4))
}

export function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length))
}

/** Stores `value` after every earlier store of this thread. */
export function publishWord(words: Int32Array, index: number, value: number): void {
  Atomics.store(words, index, value)
}

/** Loads a word before every later load of this thread. */
export function readWord(words: Int32Array, index: number): number {
  return Atomics.load(words, index)
}
