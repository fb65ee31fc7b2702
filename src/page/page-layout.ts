/**
 * The layout of a version page inside its claim of page memory. Everything a reader needs to make sense of it stands in it, but for the
 * bytes of keys and the texts of dictionaries, which lie in the table's heap (`shared-heap.ts`) and are named by references.
 *
 *   header          40 words, below
 *   columns         12 words each, below
 *   row columns     begin, end, ordinal, previous (delta) or origin (where a begin was clamped), rest: words; shape: u16
 *   field columns   values in the encoding that the directory says, and a byte a row for its state where not every row has a plain value
 *   heap            texts, names, shapes, the rest of rows; in bases and sealed pages it stands in front of the columns
 *
 * Offsets are bytes from the page's beginning; all integers are little-endian. docs/decisions/0012-version-pages.md draws it.
 */
export const PAGE_MAGIC = 0x31475044

/** Kinds of pages. */
export const BASE = 1
export const DELTA = 2
export const SEALED = 3

/** `end` of a version that is current, or outlives its sealed page. */
export const OPEN_END = 0x7fff_ffff
/** `begin` of a copy whose event lies further back than an offset reaches; its seq stands in `origin`. */
export const CLAMPED_BEGIN = -0x7fff_ffff

/** Words of the header. Those named F64 hold a float64. */
export const MAGIC = 0
export const KIND = 1
export const TABLE = 2
export const ROW_CAPACITY = 3
export const ROW_COUNT = 4
export const ALIVE_COUNT = 5
export const T0_F64 = 6
export const T1_F64 = 8
export const SEQ_BASE_F64 = 10
export const COLUMN_COUNT = 12
export const BEGIN_AT = 13
export const END_AT = 14
export const ORDINAL_AT = 15
export const PREVIOUS_AT = 16
export const ORIGIN_AT = 17
export const REST_AT = 18
export const SHAPE_AT = 19
/** References to the shapes' records, a word each; the table moves when it grows. */
export const SHAPE_TABLE = 20
export const SHAPE_COUNT = 21
export const SHAPE_CAPACITY = 22
export const HEAP_END = 23
export const HEAP_LIMIT = 24
/** The key range [low, high) as `[u16 length][canonical bytes]` in the heap; low empty: from the first key; high 0: without end. */
export const LOW_KEY = 25
export const HIGH_KEY = 26
/** Bounds over all rows, as offsets from the seq base. They hold, they need not be tight. */
export const BEGIN_MIN = 27
export const BEGIN_MAX = 28
export const END_MIN = 29
export const END_MAX = 30
export const HEADER_WORDS = 40

/** Words of a column's entry. The name is a msgpack text in the heap, so that it can be copied into a document as it is. */
export const NAME = 0
export const NAME_BYTES = 1
export const CLASS = 2
export const ENCODING = 3
export const DATA_AT = 4
/** 0: every row has a plain value. */
export const STATES_AT = 5
export const FLAGS = 6
/** Of a text column: the field's dictionary in the table's heap; 0: it has none. */
export const DICTIONARY = 7
export const MIN_F64 = 8
export const MAX_F64 = 10
export const COLUMN_WORDS = 12

/** Classes of columns. UNTYPED: no row has a plain value. KEY: the value is the row's key, nothing is stored. */
export const CLASS_UNTYPED = 0
export const CLASS_KEY = 1
export const CLASS_BOOLEAN = 2
export const CLASS_NUMBER = 3
export const CLASS_TIME = 4
export const CLASS_TEXT = 5

/** Encodings of a column's values. */
export const ENCODED_NOT = 0
export const ENCODED_U8 = 1
export const ENCODED_U16 = 2
export const ENCODED_I32 = 3
export const ENCODED_F64 = 4
export const ENCODING_BYTES: readonly number[] = [0, 1, 2, 4, 8]

/** Flags of a column. */
export const ALL_INTEGERS = 1
/** Some row has the field in its rest: a value of another class, or one that lies elsewhere. */
export const HAS_REST = 2
/** MIN and MAX hold for all plain values; without it they say nothing. */
export const HAS_BOUNDS = 4

/** States of a row in a column. */
export const STATE_VALUE = 0
export const STATE_NULL = 1
export const STATE_ABSENT = 2
export const STATE_REST = 3

/**
 * A text cell below this is a code of the field's dictionary. Above it is a reference: `sibling << 23 | offset` of `[length][bytes]` in
 * the heap of a page of the same open rectangle (0: the base, or the page itself if it is no delta; n: the n-th chunk of the delta). So
 * a patch copies a cell, never a text. A rest cell is such a reference too, 0 where the row has none.
 */
export const DICTIONARY_CODES_MAX = 4096
export const SIBLING_SHIFT = 23
export const OFFSET_MASK = (1 << SIBLING_SHIFT) - 1
export const SIBLINGS_MAX = 511
export const PAGE_BYTES_MAX = 1 << SIBLING_SHIFT

/** A field gets a column if this part of the rows has it, this many at most. */
export const COLUMN_SHARE = 16
export const COLUMNS_MAX = 256
/** Columns of a merged page take about this much at most: of many that few rows have, the commonest. */
export const COLUMN_BYTES_MAX = PAGE_BYTES_MAX / 2
/** A value of more bytes stays in its frame; its cell holds the place. */
export const INLINE_BYTES_MAX = 4096
/** Of a document; the position of a field is 15 bits in the rest. */
export const FIELDS_MAX = 32_767

/** A shape's record: `[count]`, then for each field `[name reference][name bytes << 16 | column + 1]` (0: without a column). */
export const SHAPE_FIELD_WORDS = 2

/**
 * The rest of a row: `[u16 count]`, then for each field `[u16 position in the shape][msgpack value]`, in order of position; a position
 * with this bit is followed by a place instead: `[f64 frame][u32 offset][u32 bytes]`.
 */
export const REST_PLACE = 0x8000
export const PLACE_BYTES = 16
