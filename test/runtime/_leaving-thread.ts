/** Entry of a query thread that ends the thread in the middle of a task at an odd seq. */
import { workerData } from 'node:worker_threads'
import { realIo } from '../../src/io/real-io.js'
import { QueryControl } from '../../src/memory/query-control.js'
import { type QueryReply, type QueryTask, type QueryThreadStart } from '../../src/runtime/query-task.js'
import { QueryWorker } from '../../src/runtime/query-worker.js'

const worker = new QueryWorker(realIo, workerData as QueryThreadStart)

export function run(task: QueryTask): QueryReply {
  const control = QueryControl.attach(task.control)
  if (task.S % 2 === 1) {
    control.enter(task.participant)
    control.take()
    process.exit(7)
  }
  return worker.run(task)
}
