import { DriftError } from '../base/errors.js'
import type { IndexRequest } from '../catalog/index-definition.js'
import type { Commit } from '../coordinator/commit-pipeline.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import { commitRequest } from './table.js'

export type CreateIndexOptions = {
  readonly ifNotExists?: boolean
  readonly onProgress?: (done: number, total: number) => void
  readonly signal?: AbortSignal | undefined
  readonly metadata?: unknown
}

/** Declares an index and waits until it is made; one that cannot be is dropped again. Undefined: there is one of that name. */
export async function createIndex(
  coordinator: Coordinator,
  table: string,
  wanted: IndexRequest,
  { ifNotExists = false, onProgress, signal, metadata }: CreateIndexOptions = {}
): Promise<Commit | undefined> {
  const there = coordinator.findIndex(wanted.name)
  if (ifNotExists && there !== undefined && there.table.name === table) {
    await coordinator.schema.finishIndex(there.index)
    return undefined
  }
  const request = commitRequest({ ...(metadata === undefined ? {} : { metadata }), ...(signal === undefined ? {} : { signal }) })
  const { commit, index } = await coordinator.schema.createIndex(table, wanted, request)
  try {
    await coordinator.schema.finishIndex(index, (done, total) => {
      if (signal?.aborted === true) throw new DriftError('ABORTED', `index ${index.name} was cancelled`, { index: index.name })
      onProgress?.(done, total)
    })
  } catch (error) {
    await coordinator.schema.dropIndex(index.name)
    throw error
  }
  return commit
}
