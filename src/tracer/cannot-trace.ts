// The refusal of a trace.

/** What cannot be traced, and why, in words. */
export class CannotTrace extends Error {}
