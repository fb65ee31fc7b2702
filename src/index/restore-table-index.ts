import { type IndexColumn } from '../catalog/index-definition.js'
import { type Io } from '../io/io.js'
import { type Arena } from '../memory/arena.js'
import { ClosedNodes } from './closed-nodes.js'
import { type IndexFiles } from './index-files.js'
import { type IndexTreeLimits } from './index-tree.js'
import { goneTo, NodeMemory } from './node-memory.js'
import { readIndexFile } from './read-index-file.js'
import { TableIndex } from './table-index.js'
import { type IndexProgress } from './write-index-file.js'

/**
 * Takes an index up where its `.idx` file left it: its open nodes are in memory then, its closed ones stay in their file, which is read
 * through once and proved. Yields between steps.
 * @throws DriftError CORRUPT, UNSUPPORTED_VERSION, IO: it is to be made of the segments; OVERLOADED where no page memory is free.
 */
export function* restoreTableIndex(
  io: Io,
  arena: Arena,
  files: IndexFiles,
  columns: readonly IndexColumn[],
  limits: IndexTreeLimits
): Generator<void, { readonly index: TableIndex } & IndexProgress> {
  const memory = NodeMemory.create(arena)
  try {
    const free: number[] = []
    /** Of the open nodes, by their number. */
    const taken = new Map<number, number>()
    const checkpoint = readIndexFile(io, files, (id, image) => {
      if (free.length === 0) free.push(...memory.claimPlaces().reverse())
      const place = free.pop() as number
      memory.fill(place, image)
      taken.set(id, place)
    })
    const { roots, places, closed, crcs, locations, hasCut, seq, events } = checkpoint
    for (const [id, place] of places.entries()) memory.addNode(place < 0 ? (taken.get(id) as number) : goneTo(place))
    for (let root = 0; root < roots.length; root += 2) {
      memory.reserveRoot()
      memory.addRoot(roots[root] as number, roots[root + 1] as number)
    }
    if (hasCut) memory.setCut()
    for (const _ of new ClosedNodes(io, files).prove(closed, crcs)) yield
    return { index: new TableIndex(memory, columns, limits, { nodes: { closed, crcs, freePlaces: free }, locations }), seq, events }
  } catch (error) {
    memory.release()
    throw error
  }
}
