/** Reads pages in a thread that was given nothing but the arena, the keys and addresses: the documents that are visible at S. */
import { parentPort, workerData } from 'node:worker_threads'
import { Arena, type ArenaHandle } from '../../src/memory/arena.js'
import { KeyTable, type KeyTableHandle } from '../../src/page/key-table.js'
import { PageView } from '../../src/page/page-view.js'
import { RowReader } from '../../src/page/row-reader.js'

export type ReadData = {
  readonly arena: ArenaHandle
  readonly keys: KeyTableHandle
  readonly S: number
  /** Of each rectangle: the address of its base or sealed page (-1: none), then those of its chunks. */
  readonly tiles: readonly (readonly number[])[]
}

if (parentPort !== null) {
  const { arena: handle, keys, S, tiles } = workerData as ReadData
  const arena = Arena.attach(handle)
  const reader = new RowReader(KeyTable.attach(arena, keys))
  const documents: string[] = []
  for (const addresses of tiles) {
    const siblings = addresses.map((address) => (address < 0 ? undefined : new PageView(arena, address)))
    for (const page of siblings) {
      if (page === undefined) continue
      page.siblings = siblings
      for (let row = 0; row < page.rowCount; row++) {
        if (page.beginOf(row) <= S && page.endOf(row) > S) documents.push(Buffer.from(reader.bytesOf(page, row)).toString('hex'))
      }
    }
  }
  parentPort.postMessage(documents)
}
