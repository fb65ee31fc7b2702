import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'

export type Usage = { readonly cpuSeconds: number; readonly peakMemoryMiB: number }

/** Kernel ticks a second in /proc. */
const TICKS = 100

/**
 * CPU of this process, all its threads, and of the servers that work for it, with what their ended children took; memory at its peak,
 * of servers as of now (shared pages counted once). Servers are read from /proc; without it they count as nothing.
 */
export function processUsage(servers: readonly number[] = []): Usage {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  const trees = servers.flatMap(withChildren)
  const cpu = trees.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0)
  const memory = trees.reduce((sum, pid) => sum + memoryMiBOf(pid), 0)
  return { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6 + cpu, peakMemoryMiB: maxRSS / 1024 + memory }
}

function withChildren(pid: number): number[] {
  const path = `/proc/${pid}/task/${pid}/children`
  if (!existsSync(path)) return []
  const children = readFileSync(path, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  return [pid, ...children.flatMap(withChildren)]
}

function cpuSecondsOf(pid: number): number {
  const text = readIfThere(`/proc/${pid}/stat`)
  // Behind the name, which may hold spaces: user, system, and of children that were waited for.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS
}

function memoryMiBOf(pid: number): number {
  const match = /^Pss:\s+(\d+) kB/m.exec(readIfThere(`/proc/${pid}/smaps_rollup`))
  return Number(match?.[1] ?? 0) / 1024
}

function readIfThere(path: string): string {
  // A process may end between being listed and being read.
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

/** Bytes that a directory's files take on disk, holes not counted. */
export function bytesOnDisk(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(`${entry.parentPath}/${entry.name}`).blocks * 512, 0)
}
