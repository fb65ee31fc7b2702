/** The checker itself: it finds each anomaly that is planted in a history made by hand, says from which level on it is forbidden, and no more. */
import test from 'ava'
import type { Isolation } from '../../src/index.js'
import { Dice } from '../coordinator/_database.js'
import { anomaliesOf, wrongPast, type AnomalyName, type HistoryTransaction } from './_elle.js'
import { LEVELS } from './_sessions.js'

type Planted = {
  readonly name: AnomalyName
  readonly from: Isolation
  /** Of each transaction: `ax1` appends 1 to x, `rx12` reads 1 and 2 of x, `Rx` does by a condition, `ux1` appends and takes back. */
  readonly history: readonly (string | ({ readonly ops: string } & Partial<Omit<HistoryTransaction, 'ops'>>))[]
  readonly final: { readonly [key: string]: readonly number[] }
}

const planted: readonly Planted[] = [
  { name: 'G0', from: 'read committed', history: ['ax1 ay1', 'ax2 ay2'], final: { x: [1, 2], y: [2, 1] } },
  { name: 'G1a', from: 'read committed', history: [{ ops: 'ax1', outcome: 'aborted' }, 'rx1'], final: { x: [] } },
  { name: 'G1a', from: 'read committed', history: ['ux1 ax2', 'rx12'], final: { x: [2] } },
  { name: 'G1a', from: 'read committed', history: ['ax1'], final: { x: [1, 7] } },
  { name: 'G1b', from: 'read committed', history: ['ax1 ax2', 'rx1'], final: { x: [1, 2] } },
  { name: 'G1c', from: 'read committed', history: ['ax1 ry1', 'ay1 rx1'], final: { x: [1], y: [1] } },
  { name: 'G1c', from: 'read committed', history: ['ax1 rz1', 'rx1 ay1', 'ry1 az1'], final: { x: [1], y: [1], z: [1] } },
  { name: 'G-single', from: 'repeatable read', history: ['rx ry1', 'ax1 ay1'], final: { x: [1], y: [1] } },
  { name: 'G-single', from: 'repeatable read', history: ['rx ax2', 'ax1'], final: { x: [1, 2] } },
  { name: 'G-single', from: 'repeatable read', history: ['Rx ry1', 'ax1 az1', 'rz1 ay1'], final: { x: [1], y: [1], z: [1] } },
  {
    name: 'G-nonadjacent',
    from: 'repeatable read',
    history: ['rx rz1', 'ax1 aw1', 'rw1 ry', 'ay1 az1'],
    final: { x: [1], y: [1], z: [1], w: [1] }
  },
  { name: 'G2-item', from: 'serializable', history: ['rx ay1', 'ry ax1'], final: { x: [1], y: [1] } },
  { name: 'G2-item', from: 'serializable', history: ['rx ay1', 'ry az1', 'rz ax1'], final: { x: [1], y: [1], z: [1] } },
  { name: 'G2', from: 'serializable', history: ['Rx ay1', 'Ry ax1'], final: { x: [1], y: [1] } },
  // Real time: the second began when the first had ended.
  { name: 'stale read', from: 'read committed', history: ['ax1', { ops: 'rx', began: 500 }], final: { x: [1] } },
  { name: 'G0', from: 'read committed', history: ['ax2', { ops: 'ax1', began: 500 }], final: { x: [1, 2] } },
  {
    name: 'G-single',
    from: 'repeatable read',
    history: ['ax1', { ops: 'ay1', began: 500, ended: 600 }, { ops: 'rx ry1', began: 0, ended: 600 }],
    final: { x: [1], y: [1] }
  },
  { name: 'internal', from: 'read committed', history: ['ax1 rx'], final: { x: [1] } },
  { name: 'internal', from: 'read committed', history: ['ax1 ax2 rx21'], final: { x: [1, 2] } },
  { name: 'lost append', from: 'read committed', history: ['ax1', 'ax2'], final: { x: [2] } },
  { name: 'torn transaction', from: 'read committed', history: [{ ops: 'ax1 ay1', outcome: 'unknown' }], final: { x: [1], y: [] } },
  { name: 'incompatible order', from: 'read committed', history: ['ax1', 'ax2', 'rx21'], final: { x: [1, 2] } },
  { name: 'incompatible order', from: 'read committed', history: ['ax1'], final: { x: [1, 1] } },
  {
    name: 'wrong past',
    from: 'read committed',
    history: [
      { ops: 'ax1', seq: 1 },
      { ops: 'ax2', seq: 2 },
      { ops: 'rx1', readSeq: 2 }
    ],
    final: { x: [1, 2] }
  }
]

function historyOf({ history }: Pick<Planted, 'history'>, level: Isolation): HistoryTransaction[] {
  return history.map((given, index) => {
    const { ops, ...rest } = typeof given === 'string' ? { ops: given } : given
    const parsed = ops.split(' ').map((text): HistoryTransaction['ops'][number] => {
      const [kind = '', key = '', ...digits] = text
      const numbers = digits.map(Number)
      if (kind === 'a' || kind === 'u') return { kind: 'append', key, value: numbers[0] ?? 0, undone: kind === 'u' }
      return { kind: 'read', key, values: numbers, byRange: kind === 'R' }
    })
    return { id: `T${index + 1}`, level, ops: parsed, outcome: 'committed', began: 0, ended: 100 + index, ...rest }
  })
}

for (const [index, plan] of planted.entries()) {
  test(`${plan.name} is found, and is forbidden from ${plan.from} on (history ${index + 1})`, (t) => {
    for (const level of LEVELS) {
      const found = anomaliesOf(historyOf(plan, level), new Map(Object.entries(plan.final)))
      t.true(
        found.some(({ name, forbiddenFrom }) => name === plan.name && forbiddenFrom === plan.from),
        `${level}: ${JSON.stringify(found)}`
      )
      const isForbidden = LEVELS.indexOf(level) >= LEVELS.indexOf(plan.from)
      t.is(
        found.some(({ isViolation }) => isViolation),
        isForbidden,
        `${level}: ${JSON.stringify(found)}`
      )
    }
  })
}

test('of mixed levels only those who read oblige: a skew of a SERIALIZABLE one with others is none of its', (t) => {
  const skew = {
    history: [
      { ops: 'rx ay1', level: 'serializable' },
      { ops: 'ry ax1', level: 'repeatable read' }
    ]
  } as const
  const found = anomaliesOf(
    historyOf(skew, 'serializable'),
    new Map([
      ['x', [1]],
      ['y', [1]]
    ])
  )
  t.deepEqual(
    found.map(({ name, isViolation }) => [name, isViolation]),
    [['G2-item', false]]
  )
})

test('a list as of a seq that is ahead of it, or behind, is told', (t) => {
  const history = historyOf(
    {
      history: [
        { ops: 'ax1', seq: 3 },
        { ops: 'ax2', seq: 5 }
      ]
    },
    'serializable'
  )
  const final = new Map([['x', [1, 2]]])
  const at = (seq: number, values: readonly number[]): string | undefined => wrongPast(history, final, new Map([['x', values]]), seq)
  t.deepEqual([at(2, []), at(3, [1]), at(4, [1]), at(5, [1, 2])], [undefined, undefined, undefined, undefined])
  for (const wrong of [at(2, [1]), at(4, []), at(4, [1, 2]), at(5, [2, 1])]) t.is(typeof wrong, 'string')
})

/** Transactions one after another, each reading what is there. */
function serial(dice: Dice, level: Isolation): { history: HistoryTransaction[]; final: Map<string, readonly number[]> } {
  const final = new Map<string, readonly number[]>()
  const history: HistoryTransaction[] = []
  let value = 0
  for (let index = 0; index < 200; index++) {
    const ops: HistoryTransaction['ops'][number][] = []
    for (let count = 1 + dice.below(4); count > 0; count--) {
      const key = dice.of(['x', 'y', 'z', 'w'])
      const values = final.get(key) ?? []
      if (dice.chance(0.5)) ops.push({ kind: 'read', key, values })
      else {
        ops.push({ kind: 'append', key, value: ++value })
        final.set(key, [...values, value])
      }
    }
    // Their times lie over each other: real time orders few of them.
    history.push({ id: `T${index}`, level, ops, outcome: 'committed', began: index - dice.below(5), ended: index + 1 + dice.below(5) })
  }
  return { history, final }
}

test('serial histories have no anomaly, and with one read made stale they have one', (t) => {
  let tampered = 0
  for (let seed = 1; seed <= 20; seed++) {
    const { history, final } = serial(new Dice(seed), 'serializable')
    t.deepEqual(anomaliesOf(history, final), [], `seed ${seed}`)
    // A read loses its last value: its transaction stands before a writer that it stood behind, and by its other reads behind it still.
    for (const [index, { ops }] of history.entries()) {
      const read = ops.findIndex(
        (op) => op.kind === 'read' && op.values.length > 0 && !ops.some((other) => other.kind === 'append' && other.key === op.key)
      )
      const op = ops[read]
      if (index < 100 || op?.kind !== 'read') continue
      const changed = ops.with(read, { ...op, values: op.values.slice(0, -8) })
      const found = anomaliesOf(history.with(index, { ...history[index], ops: changed } as HistoryTransaction), final)
      t.true(
        found.some(({ isViolation }) => isViolation),
        `seed ${seed}`
      )
      tampered++
      break
    }
  }
  t.true(tampered > 15)
})
