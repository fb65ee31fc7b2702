import type { TableDefinition } from '../catalog/catalog.js'
import { INDEX_FOLDER, IndexFiles } from '../index/index-files.js'
import type { Io } from '../io/io.js'

/** Paths in the folder of a table's indexes that are none of an index's: it was dropped, or its checkpoint was not finished. */
export function strayIndexFiles(io: Io, directory: string, databaseId: Uint8Array, table: TableDefinition): string[] {
  const folder = `${directory}/${INDEX_FOLDER}`
  if (io.kind(folder) !== 'directory') return []
  const known = new Set<string>()
  for (const definition of table.indexes) {
    const { index, nodes } = new IndexFiles({ databaseId, tableId: table.id, table: table.name, directory, definition })
    if (io.kind(index) !== 'file') continue
    known.add(index).add(nodes)
  }
  const paths = io.list(folder).map((name) => `${folder}/${name}`)
  return paths.filter((path) => !known.has(path))
}

/** Nothing asks for them: they go at an opening for writing. */
export function removeStrayIndexFiles(io: Io, directory: string, databaseId: Uint8Array, table: TableDefinition): void {
  for (const path of strayIndexFiles(io, directory, databaseId, table)) io.remove(path)
}
