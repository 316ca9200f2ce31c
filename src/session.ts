/**
 * Who is asking.
 *
 * @module
 */

/** A caller: a client whose certificate was admitted, or the administrator at the server's own shell. */
export interface Session {
  /** Who it is, for the log and the objects it makes. */
  readonly client: string
  /** Whose objects it sees and makes. Absent for the administrator, who sees them all. */
  readonly group: string | undefined
}
