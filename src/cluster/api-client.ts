/**
 * A client of the cluster's API: named parameters in, results out.
 *
 * @module
 */
import { request } from 'node:https'

export interface ApiOptions {
  /** Such as `https://127.0.0.1:8443`. */
  readonly url: string
  readonly user: string
  readonly password: string
  /** PEM: what vouches for the API's certificate. */
  readonly ca?: string | undefined
  /** Default 60,000. */
  readonly timeoutMs?: number | undefined
}

/** The cluster said no. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** Such as `xInvalidParameter`; `http` where there was no answer of the API. */
  readonly errorName: string

  constructor(errorName: string, message: string) {
    super(message)
    this.errorName = errorName
  }
}

export interface Api {
  /** @throws ApiError, or what the system or TLS complains of */
  readonly call: <R = Record<string, unknown>>(method: string, params?: Readonly<Record<string, unknown>>) => Promise<R>
}

export function api({ url, user, password, ca, timeoutMs = 60_000 }: ApiOptions): Api {
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  return {
    async call<R>(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<R> {
      const { status, body } = await postJson(
        `${url}/json-rpc/${version}`,
        { method, params, id: 1 },
        { ca, timeoutMs, authorization },
      )
      if (status === 401) throw new ApiError('http', 'the cluster does not accept this user name and password')
      if (status !== 200) throw new ApiError('http', `the cluster answers with HTTP status ${status}: ${body.trim()}`)
      const { result, error } = JSON.parse(body) as {
        readonly result?: R
        readonly error?: { readonly name: string; readonly message: string }
      }
      if (error !== undefined) throw new ApiError(error.name, error.message)
      return result as R
    },
  }
}

const version = '12.3'

interface PostOptions {
  readonly ca?: string | undefined
  readonly authorization?: string | undefined
  readonly timeoutMs: number
}

/** @throws what the system or TLS complains of */
export function postJson(
  url: string,
  value: unknown,
  { ca, authorization, timeoutMs }: PostOptions,
): Promise<{ readonly status: number; readonly body: string }> {
  const body = JSON.stringify(value)
  const headers = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...(authorization === undefined ? {} : { authorization }),
  }
  return new Promise((resolve, reject) => {
    const asking = request(
      url,
      { method: 'POST', headers, agent: false, timeout: timeoutMs, ...(ca === undefined ? {} : { ca }) },
      response => {
        const chunks: Buffer[] = []
        response
          .on('data', (chunk: Buffer) => chunks.push(chunk))
          .on('error', reject)
          .on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }))
      },
    )
    asking.on('error', reject)
    asking.on('timeout', () => asking.destroy(Object.assign(new Error(`no answer from ${url}`), { code: 'ETIMEDOUT' })))
    asking.end(body)
  })
}
