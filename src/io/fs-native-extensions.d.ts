declare module 'fs-native-extensions' {
  /** Takes an exclusive lock of the whole file without waiting; false where another descriptor holds it. */
  export function tryLock(fd: number): boolean
  export function unlock(fd: number): void
}
