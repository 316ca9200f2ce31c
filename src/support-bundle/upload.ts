/**
 * A bundle on its way to whoever helps: by HTTPS, as a storage controller sends its support message.
 *
 * @module
 */
import { request } from 'node:https'
import { checkIdentity } from '../client.ts'

export interface UploadOptions {
  /** `https:` alone. */
  readonly url: URL
  readonly method: 'PUT' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  /** PEM: the authorities that are trusted. Default: the public ones. */
  readonly ca?: string | undefined
  /** Sends it to whoever is there. Default false. */
  readonly isInsecure?: boolean | undefined
  /** Without a byte in either direction. Default 60,000. */
  readonly timeoutMs?: number | undefined
  readonly onProgress?: ((bytes: number) => void) | undefined
}

/** The server's own words, for people. */
export interface Uploaded {
  readonly status: number
  readonly words: string
}

/** Of what a server answers, so much is kept. */
const maxAnswer = 500

/** Sends as much at a time as there is progress to tell of. */
const pieceBytes = 65_536

/** Sends it; whatever the server answers is an answer, and a redirection is not followed. @throws the system's or OpenSSL's error */
export function upload(content: Uint8Array, options: UploadOptions): Promise<Uploaded> {
  const { url, method, headers, ca, isInsecure = false, timeoutMs = 60_000, onProgress } = options
  return new Promise((resolve, reject) => {
    const sending = request(url, {
      method,
      headers: { 'content-type': 'application/json', ...headers, 'content-length': content.length },
      ...(ca === undefined ? {} : { ca }),
      rejectUnauthorized: !isInsecure,
      checkServerIdentity: checkIdentity,
      minVersion: 'TLSv1.2',
      agent: false,
      timeout: timeoutMs,
    })
    sending.once('error', reject)
    sending.once('timeout', () => {
      sending.destroy(Object.assign(new Error(`no answer within ${timeoutMs / 1000} s`), { code: 'ETIMEDOUT' }))
    })
    sending.once('response', response => {
      let words = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => (words = (words + text).slice(0, maxAnswer)))
      response.once('end', () => resolve({ status: response.statusCode ?? 0, words: words.trim() }))
      response.once('error', reject)
    })
    send(0)

    function send(from: number): void {
      if (from >= content.length) {
        sending.end()
        return
      }
      const piece = content.subarray(from, from + pieceBytes)
      sending.write(piece, error => {
        if (error) return
        onProgress?.(from + piece.length)
        send(from + pieceBytes)
      })
    }
  })
}
