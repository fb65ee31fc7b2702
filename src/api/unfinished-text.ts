/** What shells and editors ask of a text that is still being written; it needs no database. */
import { expectedAt, statementEnds } from '../parser/unfinished-text.js'

export { expectedAt, statementEnds }
