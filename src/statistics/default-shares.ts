/** What is taken where nothing is known: the numbers of PostgreSQL, which have proved themselves for decades. Shares of all rows. */
export const defaultShares = {
  /** `a = 1` */
  equal: 0.005,
  /** `a < 1` */
  inequality: 1 / 3,
  /** `a BETWEEN 1 AND 2`, or two bounds. */
  range: 0.005,
  like: 0.005,
  isNull: 0.005,
  /** A column or an expression that is a condition itself. */
  truth: 0.5,
  /** Of a pattern: a character that must stand there, `_`, and `%`. */
  likeCharacter: 0.2,
  likeOne: 0.9,
  likeAny: 5
} as const
