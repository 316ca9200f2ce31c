/**
 * What has been opened so far, closed in reverse: at the end, or when a later step fails.
 *
 * @module
 */

export class Opening {
  readonly #closers: (() => Promise<void>)[] = []

  /** Notes how to close what was opened, and gives it back. */
  with<T>(opened: T, close: (opened: T) => Promise<void>): T {
    this.#closers.push(() => close(opened))
    return opened
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close()
  }

  /** Goes on with `start`, and closes everything if it fails. */
  async orClose<T>(start: () => Promise<T>): Promise<T> {
    try {
      return await start()
    } catch (error) {
      await this.close()
      throw error
    }
  }
}
