import { createHash } from 'node:crypto'
import type { Question } from './question.js'

/** Whether rows come in an order of their own; else they are compared as a set. */
function isOrdered(question: Question): boolean {
  return question.kind === 'top' || question.kind === 'history' || question.kind === 'get'
}

/**
 * The text of an answer that is the same from every peer: fields by name, whole numbers in full (a bigint too), others to 10 digits,
 * rows sorted where no order was asked for.
 */
export function canonicalAnswer(question: Question, answer: unknown): string {
  if (!Array.isArray(answer) || isOrdered(question)) return canonicalText(answer)
  return `[${answer.map(canonicalText).toSorted().join(',')}]`
}

/** What is compared for all questions of a probe: short answers as they are, long ones by their hash. */
export function answerDigest(texts: readonly string[]): string {
  const text = texts.join('\n')
  return text.length <= 200
    ? text
    : `${text.slice(0, 100)}… ${text.length} characters, sha256 ${createHash('sha256').update(text).digest('hex')}`
}

function canonicalText(value: unknown): string {
  if (value === undefined || value === null) return 'null'
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'number') return Number.isInteger(value) ? value.toString() : Number(value.toPrecision(10)).toString()
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`
  if (typeof value === 'object') {
    const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
    return `{${fields.map(([name, field]) => `${name}:${canonicalText(field)}`).join(',')}}`
  }
  throw new Error(`an answer cannot hold a ${typeof value}`)
}
