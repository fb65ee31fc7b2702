/** Branded numbers: the same 53-bit number never means two things by accident. Plain numbers at run time. */
declare const brand: unique symbol
type Branded<Name extends string> = number & { readonly [brand]: Name }

/** Number of an event in the one total order of the database: 1, 2, 3, … 0 is "before everything". */
export type Seq = Branded<'Seq'>
/** Wall-clock time in unix milliseconds. */
export type UnixMs = Branded<'UnixMs'>
/** Id of a table, never reused. System tables have ids below {@link FIRST_USER_TABLE_ID}. */
export type TableId = Branded<'TableId'>
/** Dense number of a key in its table, in order of first insert. */
export type Ordinal = Branded<'Ordinal'>
/** Dense number of a version in its table, in order of its event; 0 is "none". */
export type VersionId = Branded<'VersionId'>
/** Byte position of a frame in the endless concatenation of its table's frames. Never changes. */
export type Place = Branded<'Place'>

export const seqOf = (n: number): Seq => n as Seq
export const unixMsOf = (n: number): UnixMs => n as UnixMs
export const tableIdOf = (n: number): TableId => n as TableId
export const ordinalOf = (n: number): Ordinal => n as Ordinal
export const versionIdOf = (n: number): VersionId => n as VersionId
export const placeOf = (n: number): Place => n as Place

export const CATALOG_TABLE_ID = tableIdOf(1)
export const COMMITS_TABLE_ID = tableIdOf(2)
export const FIRST_USER_TABLE_ID = 16

/** The log of commits as queries name it, and its folder. */
export const COMMITS_TABLE_NAME = 'drift.commits'
/** Texts of statements that are kept, as queries name them: of this process, in no file. */
export const PLANS_TABLE_NAME = 'drift.plans'

/** Tables that queries can read and nobody can write by name. */
export function isSystemTable(name: string): boolean {
  return name === COMMITS_TABLE_NAME || name === PLANS_TABLE_NAME
}
