/** The writer's thread: the actor of `src/writer` over the real file system, spoken to over comlink. No logic here. */
import { parentPort } from 'node:worker_threads'
import { expose } from 'comlink'
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs'
import { systemClock } from '../src/base/clock.js'
import { realIo } from '../src/io/real-io.js'
import { WriterLoop } from '../src/runtime/writer-loop.js'

expose(new WriterLoop(realIo, systemClock), nodeEndpoint(parentPort))
