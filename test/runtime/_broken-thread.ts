/** Entry of a query thread that does not even come up. */
import { threadId } from 'node:worker_threads'

if (threadId > 0) throw new Error('this thread does not come up')

export function run(): void {}
