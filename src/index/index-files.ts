import { encodeValue } from '../codec/document-codec.js'
import { encodedIndex, type IndexDefinition, indexOn } from '../catalog/index-definition.js'
import { fileNameOf } from '../catalog/file-name.js'

/** Of the indexes of a table, in its own folder. */
export const INDEX_FOLDER = 'indexes'

const SUFFIX_INDEX = '.idx'
const SUFFIX_NODES = '.nodes'
export const SUFFIX_UNFINISHED = '.tmp'

/** Whose files these are. */
export type IndexFilesOwner = {
  readonly databaseId: Uint8Array
  readonly tableId: number
  readonly table: string
  /** The table's own folder. */
  readonly directory: string
  readonly definition: IndexDefinition
}

/** The files of an index: where they are, and what tells them from those of any other. */
export class IndexFiles {
  readonly databaseId: Uint8Array
  readonly tableId: number
  readonly indexId: number
  readonly folder: string
  /** Paths: the checkpoint, and the closed nodes. */
  readonly index: string
  readonly nodes: string
  /** The columns, as the file has them. */
  readonly definition: Uint8Array

  constructor({ databaseId, tableId, table, directory, definition }: IndexFilesOwner) {
    this.databaseId = databaseId
    this.tableId = tableId
    this.indexId = definition.id
    this.folder = `${directory}/${INDEX_FOLDER}`
    const base = `${this.folder}/${indexFileBase(table, definition)}`
    this.index = `${base}${SUFFIX_INDEX}`
    this.nodes = `${base}${SUFFIX_NODES}`
    // Whether it is unique says nothing of what is in it.
    const { name, columns } = definition
    this.definition = encodeValue(encodedIndex({ name, columns, isUnique: false }), 'index definition').slice()
  }

  get unfinished(): string {
    return `${this.index}${SUFFIX_UNFINISHED}`
  }
}

/** `status` of an index on that column that has no name of its own; else its name, which others may have as a column: with its id. */
function indexFileBase(table: string, { name, columns, id }: IndexDefinition): string {
  if (name !== indexOn(table, columns).name) return `${fileNameOf(name)}~${id}`
  const [only] = columns
  return fileNameOf(columns.length === 1 && only?.path.length === 1 ? (only.path[0] as string) : name, id)
}
