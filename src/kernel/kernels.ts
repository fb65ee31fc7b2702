/**
 * Loops over the columns of one page. Every place is a byte offset into one shared memory, the one that the kernels were made for; no
 * kernel allocates for a row. Two implementations give the same answers: `wasm-kernels.ts`, which the engine uses, and
 * `javascript-kernels.ts`, its plain twin, which the tests compare it with.
 *
 * A row is *selected* if it is visible (begin <= at and end > at) and, where there is a mask, the mask is true. A value counts if its row
 * is selected and its state byte is 0. Cells that lie "in the rest" (state 3) are not seen here: a column that has some (its flags tell)
 * needs them added, or put into the mask, by the caller.
 *
 * Columns are aligned to their width, exact sums and cells to 8 bytes. Floats are finite. What is written overlaps nothing that is read,
 * but a mask may be written over one that it is made of.
 */

/** A page has fewer rows; so the sum of a page's i32 column is an exact float64. */
export const KERNEL_ROWS_MAX = 1 << 20

/** The rows of a page and the point at which they are seen. */
export type VisibleRows = {
  /** i32 offsets from the page's seq base; `end` 0x7fffffff: current. */
  readonly begin: number
  readonly end: number
  readonly rows: number
  /** The point, as such an offset. */
  readonly at: number
  /** Every row begins at or before the point: `begin` need not be looked at. */
  readonly isBegun?: boolean | undefined
  /** A mask: only rows that are true in it. */
  readonly mask?: number | undefined
}

export type SortedRows = Omit<VisibleRows, 'at' | 'mask' | 'isBegun'> & { readonly ordinals: number }

/** As offsets: after the one, up to the other. */
export type RowTimes = { readonly beginAfter: number; readonly beginTo: number; readonly endAfter: number; readonly endTo: number }

export type CodeEncoding = 'u8' | 'u16'
export type IntegerEncoding = CodeEncoding | 'i32'
export type Encoding = IntegerEncoding | 'f64'

export type KernelColumn<E extends Encoding = Encoding> = {
  readonly encoding: E
  readonly values: number
  /** A byte a row, 0 for a plain value; absent: all are. */
  readonly states?: number | undefined
}

/** A column that groups; NULL gets the code `nullCode`. */
export type CodeColumn = KernelColumn<CodeEncoding> & {
  /** Bytes from the cell, or line of cells, of one code to that of the next. */
  readonly stride: number
  readonly nullCode?: number | undefined
}

/** In a byte of a mask. AND is the smaller, OR the larger, NOT the distance from 2. */
export const MASK_FALSE = 0
export const MASK_NULL = 1
export const MASK_TRUE = 2

export type Comparison = '=' | '<>' | '<' | '<=' | '>' | '>='

export type CountAndSum = {
  /** Values that count. */
  readonly count: number
  readonly sum: number
  /** Rows that were selected. */
  readonly rows: number
}
/** Exact where `largest`, the greatest magnitude, times `count` is at most 2^53. */
export type WholeSum = CountAndSum & { readonly largest: number }
/** Where `count` is 0, `min` and `max` mean nothing. */
export type Bounds = { readonly count: number; readonly min: number; readonly max: number }

/**
 * Slices for {@link Kernels.sumSlices}: a head of this many bytes, [u32 rows selected][u32 values][i64 sum], then as much for each:
 * u32 each begin, end, rows, the point, values, states (0xffffffff: none), a kind, and what the kernel says: 1 where it left the slice out.
 */
export const SUM_ENTRY_BYTES = 32
/** Kinds, added: float64 of whole numbers, not i32; all magnitudes are below 2^24; every row begins at or before the point. */
export const SUM_FLOATS = 1
export const SUM_SMALL = 2
export const SUM_BEGUN = 4

/**
 * Cells: [u32 rows][u32 values that are not NULL][the sum of those]. The sum is an i64, or for a float64 column an exact sum
 * (`exact-sum.ts`). They are zeroed by the caller; each call adds.
 */
export const INTEGER_CELL_BYTES = 16

export type GroupInto = {
  readonly codes: CodeColumn
  /** A second one; the cell is at `code * stride + other code * other stride`. */
  readonly others?: CodeColumn | undefined
  /** Absent: only rows are counted, in integer cells, and values and sums mean nothing. */
  readonly value?: KernelColumn<'i32' | 'f64'> | undefined
  readonly cells: number
}

/** Cells of plain values for few rows: a row is one addition. A u64 each: the rows, 16 bits, then 48 of the sum of value + 2^31. */
export const PACKED_CELL_BYTES = 8
/** Packed cells may hold so many rows, and are to be unpacked before more come. */
export const PACKED_ROWS_MAX = 0xffff
/** There are not more of them, since a row's slot is 16 bits. */
export const PACKED_CELLS_MAX = 0x1_0000
/** What a call needs to work with. */
export const PACK_WORK_BYTES = 512 * 10 + 255 * 16

/** Plain codes; a row's group is `code * stride + other code * other stride`. */
export type PackedCodes = { readonly encoding: CodeEncoding; readonly values: number; readonly stride: number }

/** In front of packed cells of a sweep: u32 each the rows in them, the number of the first point that they are of, how many points. */
export const PACKED_STATE_BYTES = 16

/**
 * Slices for {@link Kernels.packSlices}, u32 each. The head: points (as in {@link PackedPoints}), cells, bytes from line to line, packed
 * cells (with their state in front), groups, the most points at once, {@link PACK_WORK_BYTES} and 8 bytes for each row that is narrowed,
 * how many rows that may be, then for each column of codes what wide codes must be below.
 */
export const PACK_HEAD_BYTES = 64
/**
 * An entry: begin, end, rows, the number of the first point and how many, `delta`; for each of two columns of codes its values, states
 * (0xffffffff: none) and an encoding ({@link PACK_ENCODINGS}; of the second 0: there is none), behind the first one's its stride; the
 * values (0xffffffff: rows are only counted), their states and encoding; then what is unused, and 1 where the kernel left the slice out.
 */
export const PACK_ENTRY_BYTES = 80
export const PACK_ENCODINGS: Readonly<Record<Encoding, number>> = { u8: 1, u16: 2, i32: 3, f64: 4 }

export type PackInto = {
  readonly codes: PackedCodes
  readonly others?: PackedCodes | undefined
  /** Offset of plain i32 values; absent: only rows are counted. */
  readonly values?: number | undefined
  /** Of packed cells, zeroed by the caller. */
  readonly cells: number
  /** Offset of {@link PACK_WORK_BYTES}. */
  readonly work: number
}

/** The points of a sweep that lie in a slice, or some of them, and the rows of the slice, or some of them. */
export type PackedPoints = {
  readonly begin: number
  readonly end: number
  readonly rows: number
  readonly mask?: number | undefined
  /** Offset of the first point, i32 each; with `delta` they are offsets of the page. */
  readonly points: number
  readonly count: number
  readonly delta: number
}

/** One page slice, seen from all points of a plan that lie in [t0, t1). */
export type SweepInto = {
  readonly begin: number
  readonly end: number
  readonly rows: number
  readonly mask?: number | undefined
  /** Seq that the page's offsets count from. */
  readonly seqBase: number
  readonly t0: number
  /** Infinity for an open page. */
  readonly t1: number
  /** The stride is that of a line, `(points + 1) * cell bytes`. */
  readonly codes: CodeColumn
  readonly value?: KernelColumn<'i32' | 'f64'> | undefined
  readonly cells: number
}

/** Where `writeSweepPlan` put the points and their index. */
export type SweepPlan = {
  /** Ascending seqs, no two the same. */
  readonly points: readonly number[]
  /** The seq that a plan's offsets count from. */
  readonly origin: number
  /** u32 each, offsets. */
  readonly pointsAt: number
  /** u32 each: how many points lie before bucket `x >> shift`. */
  readonly startsAt: number
  readonly shift: number
}

export type Kernels = {
  countVisible(rows: VisibleRows): number
  /** Exact. */
  sumVisible(rows: VisibleRows, column: KernelColumn<IntegerEncoding>): CountAndSum
  /** Adds to the exact sum at `exactSum`, which the caller cleared; returns how many values. */
  sumVisibleF64(rows: VisibleRows, column: KernelColumn<'f64'>, exactSum: number): number
  /** Of whole numbers in a float64 column: three times as fast as an exact sum. */
  sumVisibleWholes(rows: VisibleRows, column: KernelColumn<'f64'>): WholeSum
  minMax(rows: VisibleRows, column: KernelColumn): Bounds
  /** Adds up the `count` slices of the list at `list`, and writes its head. Left out: a slice of floats with a sum past 2^53, perhaps. */
  sumSlices(list: number, count: number): void

  /**
   * Lists the selected rows whose plain value is at or beyond `limit`: not below it with `descending`, not above it else. As `trueRows`.
   * Quick where they are few.
   */
  rowsBeyond(
    rows: VisibleRows,
    column: KernelColumn<'i32' | 'f64'>,
    limit: number,
    order: 'ascending' | 'descending',
    first: number,
    out: number
  ): number

  /** Lists the selected rows whose plain value is not below `low` and not above `high`. As `trueRows`; quick where they are few. */
  rowsBetween(rows: VisibleRows, column: KernelColumn<'i32' | 'f64'>, low: number, high: number, first: number, out: number): number
  /** Lists the rows that begin and end within these times. As `trueRows`. */
  rowsWithin(rows: Omit<VisibleRows, 'at' | 'mask' | 'isBegun'>, times: RowTimes, first: number, out: number): number
  /**
   * Of rows sorted by key and begin, `first` being the number of the first: those that are visible at `later` and not at `earlier`, with
   * each the row of its key that was visible at `earlier`, and such rows of keys that are not there at `later`. Writes to `out`, i32 each:
   * `rows` numbers of new rows; `rows` of those before them, -1 for none; `rows` of those that are gone; the last row before that has met
   * none yet, or -1; how many are gone; how many new ones have a row before them. Returns how many are new. `before`: the row that met none
   * in the rows in front of these, or -1. `ordinals`: byte offset of those of row 0.
   */
  pairVersions(rows: SortedRows, earlier: number, later: number, first: number, out: number, before: number): number
  /** True or false for each row; returns how many are true. */
  visibleMask(rows: VisibleRows, out: number): number
  /** Writes the numbers of the rows that are true, counted from `first`, to `out`, i32 each, which has room for all; returns how many. */
  trueRows(rows: number, mask: number, first: number, out: number): number
  /** NULL where the state is not 0. */
  compare(rows: number, column: KernelColumn, comparison: Comparison, constant: number, out: number): void
  /** Whether bit `code & 7` of byte `code >> 3` of `set` is 1; the set has a bit for each code that occurs. NULL as above. */
  codeIn(rows: number, column: KernelColumn<CodeEncoding>, set: number, out: number): void
  and(rows: number, one: number, other: number, out: number): void
  or(rows: number, one: number, other: number, out: number): void
  not(rows: number, one: number, out: number): void

  /** True if some row's state is not 0. */
  hasOthers(rows: number, states: number): boolean
  /**
   * Plain values from `base` on, below `base + limit` (at most 65,536 values), as u16 codes from 0; 0 for all other rows. Returns how many
   * plain values lie outside.
   */
  toCodes(rows: number, column: KernelColumn<'i32'>, base: number, limit: number, out: number): number
  /** Plain values as i32, 0 for all other rows. False where one of them is none: then what was written means nothing. */
  toIntegers(rows: number, column: KernelColumn<'f64'>, out: number): boolean

  /** Codes of two columns, or of one, as u16 codes `code * stride + other code * other stride`, NULL being a code like others. */
  combine(rows: number, codes: CodeColumn, others: CodeColumn | undefined, out: number): void

  group(rows: VisibleRows, into: GroupInto): void
  /**
   * A line of cells for each code, a cell for each point and one more. Cells mean something after {@link finishSweep}: until then they
   * are what begins and ends there, in a form that is the implementation's own.
   */
  sweep(plan: SweepPlan, slice: SweepInto): void
  /** At most {@link PACKED_ROWS_MAX} rows between two calls of {@link Kernels.unpackGroup}. */
  packGroup(rows: VisibleRows, into: PackInto): void
  /** Adds `count` packed cells to as many integer cells, and zeroes them. */
  unpackGroup(packed: number, count: number, cells: number): void
  /** The same for a sweep: a group has `(count + 1) ^ 2` packed cells, as many as there are pairs of where a row begins and ends. */
  packSweep(points: PackedPoints, into: PackInto): void
  /** Adds them to cells as {@link Kernels.sweep} leaves them, from those of the first of the points on; `stride` from group to group. */
  unpackSweep(packed: number, groups: number, count: number, cells: number, stride: number): void
  /**
   * {@link Kernels.packSweep} of the `count` slices of the list at `list`, and what must be unpacked between them. Left out, and nothing of
   * them added, are slices in which some row has no plain value, no code below the limit, or no value that is an i32.
   */
  packSlices(list: number, count: number): void
  /** Once, behind all slices. */
  finishSweep(plan: SweepPlan, cells: number, lines: number, cell: 'i32' | 'f64'): void
}
