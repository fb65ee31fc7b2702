/**
 * Which part of a table's rows a condition on one column is true for, by the statistics of that column. All shares are of all rows, from 0
 * to 1. Values that are not among the most common ones are taken to be equally common, and evenly spread between two bounds of the histogram.
 */
import { likeMatcher } from '../codec/like.js'
import { classRank, compareValues } from '../codec/value-order.js'
import { type Value } from '../codec/value.js'
import { type ColumnStatistics } from '../format/statistics-file.js'
import { defaultShares } from './default-shares.js'
import { interpolate } from './interpolate.js'
import { shortValue } from './short-value.js'
import { splitPattern } from './split-pattern.js'

/** A column, and how many rows its table had when it was looked at. */
export type EstimatedColumn = { readonly column: ColumnStatistics; readonly rows: number }

export type Bound = { readonly value: Value; readonly isInclusive: boolean }

export type LikePattern = { readonly pattern: string; readonly escape: string; readonly ignoreCase: boolean }

/** Null or absent. */
export function nullShare({ column, rows }: EstimatedColumn): number {
  return rows === 0 ? 0 : column.nulls / rows
}

/** Equal to a value that is not null. */
export function equalShare(estimated: EstimatedColumn, given: Value): number {
  const { column, rows } = estimated
  const value = shortValue(given)
  const known = column.common.find((each) => isSameClass(each.value, value) && compareValues(each.value, value) === 0)
  if (known !== undefined) return known.share
  const one = 1 / Math.max(1, rows)
  const other = otherShare(estimated)
  // A value that nobody saw: it may have come since, and is of one row at most, as far as anybody knows.
  if (other === 0 || compareValues(value, column.min) < 0 || compareValues(value, column.max) > 0) return Math.min(one, other || one)
  return other
}

/** Between two bounds, either of which may be missing: only values of the class of the bounds are. */
export function rangeShare(estimated: EstimatedColumn, low: Bound | undefined, high: Bound | undefined): number {
  const bound = low ?? high
  if (bound === undefined) return 1 - nullShare(estimated)
  if (low !== undefined && high !== undefined && classRank(low.value) !== classRank(high.value)) return 0
  const rank = classRank(bound.value)
  const [from, to] = [shortened(low), shortened(high)]
  if (from !== undefined && to !== undefined) {
    const order = compareValues(from.value, to.value)
    if (order > 0 || (order === 0 && !(from.isInclusive && to.isInclusive))) return 0
    if (order === 0) return equalShare(estimated, from.value)
  }
  const { common, histogram } = estimated.column
  const isInside = (value: Value): boolean =>
    classRank(value) === rank &&
    (from === undefined || isAbove(compareValues(value, from.value), from)) &&
    (to === undefined || isAbove(compareValues(to.value, value), to))
  const ofCommon = common.reduce((sum, { value, share }) => sum + (isInside(value) ? share : 0), 0)
  const rest = restShare(estimated)
  const one = otherShare(estimated)
  const begin = from === undefined ? classEdge(histogram, rank) : placeOf(histogram, from.value, 'before')
  const end = to === undefined ? classEdge(histogram, rank + 1) : placeOf(histogram, to.value, 'behind')
  const inside = Math.max(0, rest * (end - begin) + one * (edgeOf(histogram, from) + edgeOf(histogram, to)))
  const ofRest = isOutside(estimated.column, from, to) ? 1 / Math.max(1, estimated.rows) : inside
  return Math.min(1, ofCommon + Math.min(rest, ofRest))
}

/** Of one class, as `rank` of {@link classRank}. */
export function classShare(estimated: EstimatedColumn, rank: number): number {
  const { common, histogram } = estimated.column
  const ofCommon = common.reduce((sum, { value, share }) => sum + (classRank(value) === rank ? share : 0), 0)
  return Math.min(1, ofCommon + restShare(estimated) * Math.max(0, classEdge(histogram, rank + 1) - classEdge(histogram, rank)))
}

/** Texts that match. A pattern of a beginning and `%` is a range; of others the values that are known are asked. */
export function likeShare(estimated: EstimatedColumn, like: LikePattern): number {
  const { pattern, escape, ignoreCase } = like
  const { prefix, isWhole, rest } = splitPattern(pattern, escape)
  if (isWhole && !ignoreCase) return equalShare(estimated, prefix)
  const matches = likeMatcher(pattern, escape, ignoreCase)
  const isMatch = (value: Value): boolean => typeof value === 'string' && matches(value)
  const { common, histogram } = estimated.column
  const ofCommon = common.reduce((sum, { value, share }) => sum + (isMatch(value) ? share : 0), 0)
  const texts = histogram.filter((value) => typeof value === 'string')
  // Both are of the values that are not most common.
  const restRange = ignoreCase || prefix === '' ? classOfRest(estimated, texts.length) : prefixShare(estimated, prefix)
  const guessed = restRange * restFactor(rest)
  if (!ignoreCase && rest === '%') return Math.min(1, ofCommon + guessed)
  const counted = (restShare(estimated) * texts.filter(isMatch).length) / Math.max(1, histogram.length)
  const weight = Math.min(1, texts.length / TEXTS_TRUSTED)
  return Math.min(1, ofCommon + counted * weight + guessed * (1 - weight))
}

/** So many texts of a histogram say more than a guess by the pattern. */
const TEXTS_TRUSTED = 100

/** Of values that are not most common, those that begin so. */
function prefixShare({ column, rows }: EstimatedColumn, prefix: string): number {
  const others = { column: { ...column, common: [] }, rows }
  const rest = restShare({ column, rows })
  const all = restShare(others)
  const last = prefix.charCodeAt(prefix.length - 1)
  // Behind all texts that begin so, and before those that do not; U+FFFF ends no text that means something.
  const high = { value: `${prefix.slice(0, -1)}${String.fromCharCode(Math.min(0xfffe, last) + 1)}`, isInclusive: false }
  return all === 0 ? 0 : (rangeShare(others, { value: prefix, isInclusive: true }, high) * rest) / all
}

function classOfRest(estimated: EstimatedColumn, texts: number): number {
  return (restShare(estimated) * texts) / Math.max(1, estimated.column.histogram.length)
}

/** A character that must stand there leaves a fifth, one that may be any nine tenths; `%` makes room. */
function restFactor(rest: string): number {
  const { likeAny, likeOne, likeCharacter } = defaultShares
  let factor = 1
  for (const character of rest) factor *= character === '%' ? likeAny : character === '_' ? likeOne : likeCharacter
  return Math.min(1, factor)
}

/** Of the values that are not null and not among the most common ones. */
function restShare(estimated: EstimatedColumn): number {
  return Math.max(0, 1 - nullShare(estimated) - estimated.column.common.reduce((sum, { share }) => sum + share, 0))
}

/** One of them. */
function otherShare(estimated: EstimatedColumn): number {
  const { distinct, common } = estimated.column
  return distinct <= common.length ? 0 : restShare(estimated) / (distinct - common.length)
}

/** Which part of the values of a histogram lies below the value, or (`behind`) not above it. */
function placeOf(histogram: readonly Value[], value: Value, side: 'before' | 'behind'): number {
  const isBelow = (bound: Value): boolean => {
    const order = compareValues(bound, value)
    return side === 'before' ? order < 0 : order <= 0
  }
  const index = firstWhereNot(histogram, isBelow)
  if (index === 0) return 0
  if (index === histogram.length) return 1
  return (index - 1 + interpolate(histogram[index - 1], histogram[index], value)) / (histogram.length - 1)
}

/** Which part of the values lies below the class. */
function classEdge(histogram: readonly Value[], rank: number): number {
  const index = firstWhereNot(histogram, (bound) => classRank(bound) < rank)
  if (index === 0) return 0
  return index === histogram.length ? 1 : (index - 0.5) / (histogram.length - 1)
}

function firstWhereNot(histogram: readonly Value[], isBelow: (bound: Value) => boolean): number {
  let [low, high] = [0, histogram.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBelow(histogram[middle] as Value)) low = middle + 1
    else high = middle
  }
  return low
}

/** On the line between bounds of a histogram the value of a bound is half before it and half behind: how much of it is missing or too much. */
function edgeOf(histogram: readonly Value[], bound: Bound | undefined): number {
  if (bound === undefined || histogram.length === 0) return 0
  const isOnLine = compareValues(bound.value, histogram[0]) >= 0 && compareValues(bound.value, histogram.at(-1)) <= 0
  return !isOnLine ? 0 : bound.isInclusive ? 0.5 : -0.5
}

/** Nobody saw a value that lies there. */
function isOutside({ min, max }: ColumnStatistics, low: Bound | undefined, high: Bound | undefined): boolean {
  if (min === null || max === null) return true
  return (high !== undefined && compareValues(high.value, min) < 0) || (low !== undefined && compareValues(low.value, max) > 0)
}

function isAbove(order: number, { isInclusive }: Bound): boolean {
  return order > 0 || (order === 0 && isInclusive)
}

function isSameClass(left: Value, right: Value): boolean {
  return classRank(left) === classRank(right)
}

function shortened(bound: Bound | undefined): Bound | undefined {
  return bound === undefined ? undefined : { ...bound, value: shortValue(bound.value) }
}
