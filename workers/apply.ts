/** The apply thread: the actor of `src/apply` over the real file system, spoken to over comlink. No logic here. */
import { parentPort } from 'node:worker_threads'
import { expose } from 'comlink'
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs'
import { realIo } from '../src/io/real-io.js'
import { ApplyLoop } from '../src/runtime/apply-loop.js'

expose(new ApplyLoop(realIo), nodeEndpoint(parentPort))
