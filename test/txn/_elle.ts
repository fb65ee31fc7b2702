/**
 * What a history of transactions over lists says about their isolation, after Elle (Kingsbury, Alvaro: "Elle: Inferring Isolation Anomalies
 * from Experimental Observations"). Every append puts a value of its own at the end of a list, so a list that was read tells which
 * versions stood before it and who wrote each:
 *
 * - ww: the writer of a value, and that of the next one. wr: the writer of the last value of a list, and who read it. rw: who read a list,
 *   and the writer of the value that came next. rt: who had ended, and who began afterwards, by way of a chain of moments.
 * - A circle is an anomaly (Adya): of ww alone G0, with wr G1c, with one rw G-single, with several that never follow each other
 *   G-nonadjacent, with others G2 (G2-item where no read was by a condition). Each is forbidden from some level on.
 * - Levels may be mixed: an rw edge obliges the level of who read. So a circle is a violation where each of its rw edges begins at a
 *   transaction whose level forbids such circles. A read that was over before its begin is a violation at all levels.
 * - Without graphs: what was rolled back and read (G1a), what was not the last append of its transaction (G1b), what a transaction did
 *   not see of itself, what was acknowledged and is gone, halves of transactions, orders that contradict each other.
 *
 * With time: a list as of seq s has the values of the commits up to s, no more and no less.
 */
import type { Isolation } from '../../src/index.js'

export type Append = { readonly kind: 'append'; readonly key: string; readonly value: number; readonly undone?: boolean }
/** `byRange`: found, or not found, by a condition. */
export type Read = { readonly kind: 'read'; readonly key: string; readonly values: readonly number[]; readonly byRange?: boolean }

export type HistoryTransaction = {
  readonly id: string
  readonly level: Isolation
  readonly ops: readonly (Append | Read)[]
  /** `unknown`: its commit was under way when the process was killed. */
  readonly outcome: 'committed' | 'aborted' | 'unknown'
  /** Moments of one clock, before its begin and after its end. */
  readonly began: number
  readonly ended: number
  /** Of its commit, where it is known and wrote. */
  readonly seq?: number | undefined
  /** Where all of its reads are of one point. */
  readonly readSeq?: number | undefined
}

export type AnomalyName =
  | 'G0'
  | 'G1a'
  | 'G1b'
  | 'G1c'
  | 'G-single'
  | 'G-nonadjacent'
  | 'G2-item'
  | 'G2'
  | 'internal'
  | 'lost append'
  | 'torn transaction'
  | 'incompatible order'
  | 'stale read'
  | 'wrong past'

export type Anomaly = {
  readonly name: AnomalyName
  /** The weakest level that forbids it. */
  readonly forbiddenFrom: Isolation
  /** The levels of those who take part in it forbid it. */
  readonly isViolation: boolean
  readonly what: string
}

/** The weakest level that forbids each; of those that are not listed the weakest of all. */
const FORBIDDEN_FROM: ReadonlyMap<AnomalyName, Isolation> = new Map<AnomalyName, Isolation>([
  ['G-single', 'repeatable read'],
  ['G-nonadjacent', 'repeatable read'],
  ['G2-item', 'serializable'],
  ['G2', 'serializable']
])

type EdgeKind = 'ww' | 'wr' | 'rw' | 'rt'
type Edge = { readonly from: number; readonly to: number; readonly kind: EdgeKind; readonly key: string; readonly byRange: boolean }

type Writer = { readonly index: number; readonly append: Append; readonly isLast: boolean }

/** `final`: the lists after everything. */
export function anomaliesOf(history: readonly HistoryTransaction[], final: ReadonlyMap<string, readonly number[]>): Anomaly[] {
  return new Check(history, final).run()
}

class Check {
  readonly #history: readonly HistoryTransaction[]
  readonly #final: ReadonlyMap<string, readonly number[]>
  readonly #writers = new Map<string, Writer>()
  readonly #isCommitted: boolean[]
  readonly #found: Anomaly[] = []
  readonly #edges: Edge[] = []

  constructor(history: readonly HistoryTransaction[], final: ReadonlyMap<string, readonly number[]>) {
    this.#history = history
    this.#final = final
    for (const [index, { ops }] of history.entries()) {
      const appends = ops.filter((op) => op.kind === 'append')
      const kept = appends.filter(({ undone }) => undone !== true)
      for (const append of appends) {
        const isLast = kept.findLast(({ key }) => key === append.key)?.value === append.value
        this.#writers.set(nameOf(append.key, append.value), { index, append, isLast })
      }
    }
    const seen = new Set([...final].flatMap(([key, values]) => values.map((value) => nameOf(key, value))))
    this.#isCommitted = history.map(({ outcome, ops }) => {
      if (outcome !== 'unknown') return outcome === 'committed'
      return ops.some((op) => op.kind === 'append' && seen.has(nameOf(op.key, op.value)))
    })
  }

  run(): Anomaly[] {
    this.#checkWrites()
    for (const [index] of this.#history.entries()) this.#checkReads(index)
    this.#checkPast()
    // Where lists contradict each other there is no order of versions to make a graph of.
    if (this.#found.some(({ name }) => name === 'incompatible order')) return this.#found
    this.#connect()
    this.#circles()
    return this.#found
  }

  #say(name: AnomalyName, isViolation: boolean, what: string): void {
    this.#found.push({ name, forbiddenFrom: FORBIDDEN_FROM.get(name) ?? 'read committed', isViolation, what })
  }

  /** Everything that was acknowledged is in the lists, once, and nothing that was not. */
  #checkWrites(): void {
    for (const [key, values] of this.#final) {
      if (new Set(values).size < values.length) this.#say('incompatible order', true, `${key} has a value twice: ${values.join()}`)
      for (const value of values) this.#checkValue('the end', key, value)
    }
    for (const [index, { id, ops, outcome }] of this.#history.entries()) {
      if (this.#isCommitted[index] !== true) continue
      for (const op of ops) {
        if (op.kind !== 'append' || op.undone === true || this.#final.get(op.key)?.includes(op.value) === true) continue
        this.#say(outcome === 'unknown' ? 'torn transaction' : 'lost append', true, `${id}: ${op.key} does not have ${op.value}`)
      }
    }
  }

  #checkValue(who: string, key: string, value: number): void {
    const writer = this.#writers.get(nameOf(key, value))
    const isThere = writer !== undefined && writer.append.undone !== true && this.#isCommitted[writer.index] === true
    if (!isThere) this.#say('G1a', true, `${who} has ${value} in ${key}, which nobody committed`)
  }

  #checkReads(index: number): void {
    const { id, ops } = this.#at(index)
    const own = new Map<string, number[]>()
    for (const op of ops) {
      const mine = own.get(op.key) ?? []
      if (op.kind === 'append') {
        // What was taken back was never read again.
        if (op.undone !== true) own.set(op.key, [...mine, op.value])
        continue
      }
      const { key, values } = op
      const others = values.slice(0, values.length - mine.length)
      const tail = values.slice(others.length)
      if (mine.some((value, place) => tail[place] !== value)) {
        this.#say('internal', true, `${id} appended ${mine.join()} to ${key} and reads ${values.join()}`)
        continue
      }
      for (const value of others) this.#checkValue(id, key, value)
      const last = others.at(-1)
      const writer = last === undefined ? undefined : this.#writers.get(nameOf(key, last))
      if (writer !== undefined && writer.index !== index && !writer.isLast) {
        this.#say('G1b', true, `${id} reads ${key} up to ${last}, and ${this.#at(writer.index).id} appended more`)
      }
      const order = this.#final.get(key) ?? []
      if (others.some((value, place) => order[place] !== value)) {
        this.#say('incompatible order', true, `${id} reads ${key} as ${others.join()}, at the end it is ${order.join()}`)
      }
    }
  }

  /** Reads at one point, where the points of the commits are known. */
  #checkPast(): void {
    for (const { id, ops, readSeq } of this.#history) {
      if (readSeq === undefined) continue
      const own = new Set<string>()
      for (const op of ops) {
        if (op.kind === 'append') own.add(op.key)
        else if (!own.has(op.key)) {
          const wrong = this.wrongAt(op.key, op.values, readSeq)
          if (wrong !== undefined) this.#say('wrong past', true, `${id}, ${wrong}`)
        }
      }
    }
  }

  /** What is wrong with a list that is said to be that at a point. */
  wrongAt(key: string, values: readonly number[], seq: number): string | undefined {
    const order = this.#final.get(key) ?? []
    const writers = order.map((value) => this.#writers.get(nameOf(key, value)))
    const seqs = writers.map((writer) => (writer === undefined ? undefined : this.#at(writer.index).seq))
    if (seqs.includes(undefined)) return undefined
    const expected = order.filter((_, place) => (seqs[place] ?? 0) <= seq)
    if (expected.length === values.length && expected.every((value, place) => values[place] === value)) return undefined
    return `${key} as of ${seq} is ${values.join()}, expected ${expected.join()}`
  }

  #connect(): void {
    for (const [key, values] of this.#final) {
      for (let place = 1; place < values.length; place++)
        this.#edge(this.#writerOf(key, values[place - 1]), this.#writerOf(key, values[place]), 'ww', key)
    }
    for (const [index, { ops }] of this.#history.entries()) {
      if (this.#isCommitted[index] !== true) continue
      for (const op of ops) {
        if (op.kind !== 'read') continue
        const { key, values, byRange = false } = op
        const order = this.#final.get(key) ?? []
        let others = values.length
        while (others > 0 && this.#writerOf(key, order[others - 1]) === index) others--
        if (others > 0) this.#edge(this.#writerOf(key, order[others - 1]), index, 'wr', key)
        if (others < order.length) this.#edge(index, this.#writerOf(key, order[others]), 'rw', key, byRange)
      }
    }
    this.#connectTimes()
  }

  /** Moments are nodes behind those of the transactions, in a chain: n edges instead of n squared. */
  #connectTimes(): void {
    const events = this.#history.flatMap(({ began, ended }, index) =>
      this.#isCommitted[index] === true
        ? [
            { at: began, index, isBegin: true },
            { at: ended, index, isBegin: false }
          ]
        : []
    )
    let moment = this.#history.length
    for (const { index, isBegin } of events.sort((a, b) => a.at - b.at)) {
      if (isBegin) this.#edges.push({ from: moment, to: index, kind: 'rt', key: '', byRange: false })
      else {
        this.#edges.push({ from: moment, to: moment + 1, kind: 'rt', key: '', byRange: false })
        moment++
        this.#edges.push({ from: index, to: moment, kind: 'rt', key: '', byRange: false })
      }
    }
  }

  #edge(from: number | undefined, to: number | undefined, kind: EdgeKind, key: string, byRange = false): void {
    if (from !== undefined && to !== undefined && from !== to) this.#edges.push({ from, to, kind, key, byRange })
  }

  #circles(): void {
    const fixed = this.#edges.filter(({ kind }) => kind !== 'rw')
    const reads = this.#edges.filter(({ kind }) => kind === 'rw')
    for (const [name, kinds] of [
      ['G0', ['ww', 'rt']],
      ['G1c', ['ww', 'wr', 'rt']]
    ] as const) {
      const graph = new Graph(fixed.filter(({ kind }) => (kinds as readonly EdgeKind[]).includes(kind)))
      const through = name === 'G0' ? 'ww' : 'wr'
      for (const circle of graph.circles(({ kind }) => kind === through)) this.#say(name, true, this.#told(circle))
    }
    for (const { from, to, key } of reads) {
      const [reader, writer] = [this.#at(from), this.#at(to)]
      if (writer.ended < reader.began)
        this.#say('stale read', true, `${reader.id} does not see what ${writer.id} had appended to ${key} before`)
    }
    this.#singles(fixed, reads, false)
    this.#singles(
      fixed,
      reads.filter(({ from }) => this.#at(from).level !== 'read committed'),
      true
    )
    this.#skews(fixed, reads, false)
    this.#skews(
      fixed,
      reads.filter(({ from }) => this.#at(from).level === 'serializable'),
      true
    )
  }

  /** Circles in which no rw edge follows another. */
  #singles(fixed: readonly Edge[], reads: readonly Edge[], isViolation: boolean): void {
    // Each node twice: reached by an rw edge, or not. An rw edge leads on only from the second.
    const split: Edge[] = []
    const offset = this.#history.length * 4
    for (const edge of fixed) split.push(edge, { ...edge, from: edge.from + offset })
    for (const edge of reads) split.push({ ...edge, to: edge.to + offset })
    const graph = new Graph(fixed)
    for (const circle of new Graph(split).circles(({ kind }) => kind === 'rw')) {
      const edges = circle.map((edge) => ({ ...edge, from: edge.from % offset, to: edge.to % offset }))
      const single = edges.filter(({ kind }) => kind === 'rw').find(({ from, to }) => graph.path(to, from) !== undefined)
      if (single === undefined) this.#say('G-nonadjacent', isViolation, this.#told(edges))
      else this.#say('G-single', isViolation, this.#told([single, ...(graph.path(single.to, single.from) ?? [])]))
    }
  }

  /** Circles with rw edges of which some follow each other. */
  #skews(fixed: readonly Edge[], reads: readonly Edge[], isViolation: boolean): void {
    for (const circle of new Graph([...fixed, ...reads]).circles(({ kind }) => kind === 'rw')) {
      const skews = circle.filter(({ kind }) => kind === 'rw')
      if (skews.length < 2) continue
      this.#say(skews.some(({ byRange }) => byRange) ? 'G2' : 'G2-item', isViolation, this.#told(circle))
    }
  }

  #told(circle: readonly Edge[]): string {
    const isMoment = (node: number): boolean => node >= this.#history.length
    return circle
      .filter(({ from, to }) => !(isMoment(from) && isMoment(to)))
      .map(({ from, to, kind, key }) => {
        if (isMoment(to)) return `${this.#at(from).id} -before->`
        return isMoment(from) ? this.#at(to).id : `${this.#at(from).id} -${kind} ${key}-> ${this.#at(to).id}`
      })
      .join(' ')
  }

  #writerOf(key: string, value: number | undefined): number | undefined {
    return value === undefined ? undefined : this.#writers.get(nameOf(key, value))?.index
  }

  #at(index: number): HistoryTransaction {
    const found = this.#history[index]
    if (found === undefined) throw new Error(`no transaction ${index}`)
    return found
  }
}

function nameOf(key: string, value: number): string {
  return `${key} ${value}`
}

/** What is wrong with lists that are said to be those at a point. */
export function wrongPast(
  history: readonly HistoryTransaction[],
  final: ReadonlyMap<string, readonly number[]>,
  past: ReadonlyMap<string, readonly number[]>,
  seq: number
): string | undefined {
  const check = new Check(history, final)
  for (const key of final.keys()) {
    const wrong = check.wrongAt(key, past.get(key) ?? [], seq)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

class Graph {
  readonly #edges: readonly Edge[]
  readonly #out = new Map<number, Edge[]>()

  constructor(edges: readonly Edge[]) {
    this.#edges = edges
    for (const edge of edges) {
      const out = this.#out.get(edge.from)
      if (out === undefined) this.#out.set(edge.from, [edge])
      else out.push(edge)
    }
  }

  /** In each strongly connected part the shortest circle through one of the edges that are asked for, if there is one. */
  circles(isWanted: (edge: Edge) => boolean): Edge[][] {
    const parts = this.#parts()
    const found = new Map<number, Edge[]>()
    const tried = new Map<number, number>()
    for (const edge of this.#edges) {
      const part = parts.get(edge.from) ?? -1
      if (!isWanted(edge) || part !== parts.get(edge.to)) continue
      // A few of each part are enough to show a short one.
      const tries = (tried.get(part) ?? 0) + 1
      tried.set(part, tries)
      if (tries > 20) continue
      const back = this.path(edge.to, edge.from)
      if (back === undefined) continue
      const known = found.get(part)
      if (known === undefined || known.length > back.length + 1) found.set(part, [edge, ...back])
    }
    return [...found.values()]
  }

  /** The fewest edges from one node to another. */
  path(from: number, to: number): Edge[] | undefined {
    const by = new Map<number, Edge>()
    let ring = [from]
    while (ring.length > 0) {
      const next: number[] = []
      for (const node of ring) {
        for (const edge of this.#out.get(node) ?? []) {
          if (by.has(edge.to)) continue
          by.set(edge.to, edge)
          if (edge.to === to) return pathTo(to, from, by)
          next.push(edge.to)
        }
      }
      ring = next
    }
    return undefined
  }

  /** The strongly connected part of each node (Kosaraju, without recursion). */
  #parts(): Map<number, number> {
    const order: number[] = []
    const seen = new Set<number>()
    for (const root of this.#out.keys()) {
      if (seen.has(root)) continue
      seen.add(root)
      const stack = [{ node: root, next: 0 }]
      for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
        const edge = this.#out.get(top.node)?.[top.next++]
        if (edge === undefined) {
          order.push(top.node)
          stack.pop()
        } else if (!seen.has(edge.to)) {
          seen.add(edge.to)
          stack.push({ node: edge.to, next: 0 })
        }
      }
    }
    const into = new Map<number, number[]>()
    for (const { from, to } of this.#edges) into.set(to, [...(into.get(to) ?? []), from])
    const parts = new Map<number, number>()
    for (const root of order.reverse()) {
      if (parts.has(root)) continue
      const stack = [root]
      parts.set(root, root)
      for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
        for (const before of into.get(node) ?? []) {
          if (parts.has(before)) continue
          parts.set(before, root)
          stack.push(before)
        }
      }
    }
    return parts
  }
}

function pathTo(to: number, from: number, by: ReadonlyMap<number, Edge>): Edge[] {
  const path: Edge[] = []
  let node = to
  do {
    const edge = by.get(node)
    if (edge === undefined) throw new Error('a path has a gap')
    path.push(edge)
    node = edge.from
  } while (node !== from)
  return path.reverse()
}
