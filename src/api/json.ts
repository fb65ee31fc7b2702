/**
 * JSON as the database reads and writes it, for tools that stand before the front door: every digit of an integer is kept, times are
 * RFC 3339, bytes base64.
 */
import { formatJson, formatJsonLines, parseJson } from '../codec/json-codec.js'

export { formatJson, formatJsonLines, parseJson }
