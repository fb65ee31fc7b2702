/**
 * The rows of a slice for which a condition is true: {@link ALL}, {@link NONE}, or the offset of a mask of the kernels in the memory of the
 * page, valid until the scratch is reset.
 */
/** Masks that need no bytes: every row, no row. */
export const ALL = -1
export const NONE = -2
