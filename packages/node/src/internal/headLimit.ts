/** How much of an answer may come before its body. */

/** The most bytes of one head; Node's default, whatever the process was started with. undici bounds it. */
export const headBytes = 16 * 1024

/**
 * The most bytes from the start of a request to the head of its answer: status line, announcements (1xx) and headers.
 * The number is ours. undici bounds neither a status line nor how many announcements come.
 */
export const prefaceBytes = 64 * 1024

/** More came before an answer than may. */
export class PrefaceOverflow extends Error {
  constructor() {
    super("no answer begins")
  }
}
