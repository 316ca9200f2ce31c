/**
 * What the commands of `kmipd cluster` are told.
 *
 * @module
 */

export interface ServeOptions {
  readonly state: string
  readonly name: string
  readonly host: string
  readonly port: number
  readonly nodePort?: number
  readonly drives: number
  readonly nodes: number
  readonly user: string
  readonly passwordFile?: string
  readonly cert?: string
  readonly key?: string
  readonly timeout: number
  readonly compression: number
  readonly ephemeral?: boolean
}

/** Where the API of the cluster is, and who may call it. */
export interface ApiPlace {
  readonly state: string
  readonly url?: string
  readonly user?: string
  readonly passwordFile?: string
  readonly apiCa?: string
}

export interface EnrollOptions extends ApiPlace {
  readonly keyServer: readonly string[]
  readonly via?: string
  readonly viaCa?: string
  readonly tokenFile?: string
  readonly as?: string
  readonly newKeyPair?: boolean
  readonly csr?: string
  readonly cert?: string
  readonly ca?: string
  readonly provider: string
  readonly wait: number
  readonly enable: boolean
  readonly rekey?: boolean
}

export interface PowerCycleOptions extends ApiPlace {
  readonly wait: number
}

export interface PlayOptions {
  readonly flavour?: string
  readonly server?: readonly string[]
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly drives: number
  readonly group?: string
  readonly patience: number
  readonly compression: number
  readonly keep?: boolean
}
