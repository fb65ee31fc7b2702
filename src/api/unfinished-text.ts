/** What shells and editors ask of a text that is still being written; it needs no database. */
import { expectedAt, statementEnds } from '../query/unfinished-text.js'

export { expectedAt, statementEnds }
