/** What SET and RESET change of a session. */
import { DriftError } from '../base/errors.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { SetOption } from '../parser/ast.js'
import { valueOf } from '../expression/parameters.js'
import { pointOfValue } from '../relation/point.js'
import type { Control } from './control.js'
import { resolved } from './point.js'
import { done, type RunningStatement, type StatementOptions } from './running-statement.js'
import type { SessionState } from './session.js'

const INDEX_SETTINGS = "'auto', 'none' or the name of an index"

/** SET and RESET. @throws DriftError INVALID_ARGUMENT, UNKNOWN_INDEX. */
export function setOption(
  { name, value }: SetOption,
  { parameters = [] }: StatementOptions,
  session: SessionState,
  coordinator: Coordinator,
  control: Control
): RunningStatement {
  const given = value === null ? undefined : valueOf(value, parameters)
  switch (name) {
    case 'drift.as_of':
      session.asOf = value === null ? undefined : resolved(pointOfValue(value, parameters), coordinator.now())
      break
    case 'drift.strict_time':
      session.strict = given === undefined ? undefined : onOrOff(name, given)
      break
    case 'drift.dialect':
      if (given !== undefined && given !== 'drift' && given !== 'sql') throw badSetting(name, given, "'drift' or 'sql'")
      session.dialect = given
      break
    case 'drift.index':
      if (given !== undefined && typeof given !== 'string') throw badSetting(name, given, INDEX_SETTINGS)
      if (given !== undefined && given !== 'auto' && given !== 'none' && coordinator.findIndex(given) === undefined) {
        throw new DriftError('UNKNOWN_INDEX', `no index ${JSON.stringify(given)}; ${name} is ${INDEX_SETTINGS}`, {
          index: given
        })
      }
      session.forced = { ...session.forced, index: given === 'auto' ? undefined : given }
      break
    case 'drift.join':
      if (!isOneOf(given, ['auto', 'hash', 'lookup'])) throw badSetting(name, given, "'auto', 'hash' or 'lookup'")
      session.forced = { ...session.forced, join: given === 'auto' ? undefined : given }
      break
    case 'drift.join_order':
      if (!isOneOf(given, ['auto', 'written'])) throw badSetting(name, given, "'auto' or 'written'")
      session.forced = { ...session.forced, joinOrder: given === 'auto' ? undefined : given }
      break
    case 'drift.lock_timeout':
      session.lockTimeoutMs = given === undefined ? undefined : milliseconds(name, given)
      if (session.transaction !== undefined) {
        session.transaction.lockTimeoutMs = session.lockTimeoutMs ?? coordinator.lockTimeoutMs
      }
      break
    default: {
      const known = 'drift.as_of, drift.strict_time, drift.dialect, drift.index, drift.join, drift.join_order and drift.lock_timeout are'
      throw new DriftError('INVALID_ARGUMENT', `there is no setting ${name}: ${known}`, { name })
    }
  }
  return done(value === null ? 'RESET' : 'SET', control, undefined, undefined, undefined)
}

function milliseconds(name: string, value: unknown): number {
  if (typeof value === 'number' && value > 0) return value
  throw badSetting(name, value, 'a number of milliseconds above 0')
}

/** Undefined of RESET. */
function isOneOf<Text extends string>(value: unknown, texts: readonly Text[]): value is Text | undefined {
  return value === undefined || texts.includes(value as Text)
}

function onOrOff(name: string, value: unknown): boolean {
  if (value === true || value === 'on') return true
  if (value === false || value === 'off') return false
  throw badSetting(name, value, "'on' or 'off'")
}

function badSetting(name: string, value: unknown, expected: string): DriftError {
  return new DriftError('INVALID_ARGUMENT', `${name} is ${expected}, not ${String(value)}`, { name, found: value })
}
