/** A thread of the query pool: fragments of `src/scan` over version pages in shared memory, as piscina tasks. No logic here. */
import { workerData } from 'node:worker_threads'
import { realIo } from '../src/io/real-io.js'
import type { QueryReply, QueryTask, QueryThreadStart } from '../src/runtime/query-task.js'
import { QueryWorker } from '../src/runtime/query-worker.js'

const worker = new QueryWorker(realIo, workerData as QueryThreadStart)

export function run(task: QueryTask): QueryReply {
  return worker.run(task)
}
