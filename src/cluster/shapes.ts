/**
 * What a cluster consists of, as it is kept.
 *
 * @module
 */

/** As it may be read, and not changed. */
export type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T

export interface ClusterState {
  format: 1
  name: string
  uuid: string
  uniqueID: string
  /** Element's identifiers are small integers, never given twice. */
  lastID: { server: number; provider: number; async: number; fault: number; drive: number }
  /** One pair per cluster; PEM. */
  keyPair?: { privateKey: string; request: string }
  servers: KeyServer[]
  providers: KeyProvider[]
  keys: ClusterKey[]
  drives: Drive[]
  hardware: Hardware
  software: Software
  results: AsyncResult[]
  faults: ClusterFault[]
}

export interface KeyServer {
  keyServerID: number
  keyProviderID: number | null
  kmipCaCertificate: string
  kmipClientCertificate: string
  kmipKeyServerHostnames: string[]
  kmipKeyServerName: string
  kmipKeyServerPort: number
}

export interface KeyProvider {
  keyProviderID: number
  keyProviderName: string
}

/** Hardware encryption has an authentication key, software encryption a master key. */
export type Purpose = 'authentication' | 'master'

export type KeyManagementType = 'Internal' | 'External'

/**
 * A key as the cluster knows it: never its bytes, unless it is internal.
 *
 * `making`: the key server may have it, or not yet. `inUse`: something is locked with it, or is going to be. `leaving`:
 * nothing is any longer; the key server may still have it.
 */
export interface ClusterKey {
  keyID: string
  purpose: Purpose
  keyManagementType: KeyManagementType
  keyProviderID?: number
  /** Where it is made; nobody else may make it, lest there are two. */
  keyServerID?: number
  status: 'making' | 'inUse' | 'leaving'
  created: string
  /** By which the right key is told from another one before any drive sees it. */
  check?: string
  /** Of an internal key: base64. */
  material?: string
}

export interface Drive {
  driveID: number
  nodeID: number
  slot: number
  serial: string
  capacity: number
  /** `volume` is a metadata drive. */
  type: 'volume' | 'block'
  status: 'available' | 'active' | 'failed'
  medium: Medium
  /** Unlocks that failed since one succeeded. */
  failedUnlocks: number
  /** Its data encryption key under a master key. */
  dataKey: { keyID: string; wrapped: string }
}

/**
 * What a drive holds of its media key: the key, as long as nobody locks it; then the key sealed under the authentication
 * key, which is how the drive tells right from wrong; nothing, once it has been tried with too many wrong ones.
 */
export type Medium =
  | { kind: 'open'; mediaKey: string }
  | { kind: 'sealed'; keyID: string; salt: string; sealed: string }
  | { kind: 'lost' }

export interface Hardware {
  state: 'disabled' | 'enabling' | 'enabled' | 'disabling'
  keyID?: string
}

export interface Software {
  state: 'enabled' | 'disabled'
  version: number
  keyID: string
  rekey?: Rekey
  /** The handle of the last one, as long as its result is there. */
  rekeyAsyncID?: number
}

export type RekeyStep = 'Ready' | 'CreateNewMasterKey' | 'RewrapDataEncryptionKeys' | 'DecommissionOldMasterKey'

export interface Rekey {
  asyncHandle: number
  state: RekeyStep
  oldKeyID: string
  /** Empty until it is made. */
  newKeyID: string
  /** Where the old key is, and where the new one shall be. */
  old: KeySource
  source: KeySource
}

/** Who keeps a key: the cluster, or the servers of a key provider. */
export type KeySource = { keyManagementType: 'Internal' } | { keyManagementType: 'External'; keyProviderID: number }

export interface AsyncResult {
  asyncHandle: number
  resultType: string
  status: 'running' | 'complete'
  createTime: string
  lastUpdateTime: string
  details?: unknown
  result?: unknown
  error?: { name: string; message: string }
}

export interface ClusterFault {
  clusterFaultID: number
  code: FaultCode
  /** What it is about: there is one current fault of a code about one thing. */
  about: string
  details: string
  date: string
  resolvedDate: string
  driveIDs: number[]
  nodeID: number
  /** When it resolves, if nothing happens. */
  clears?: string
}

export type FaultCode =
  'kmipServerFault' | 'kmipCertificateFault' | 'sliceServiceUnhealthy' | 'driveFailed' | 'driveAvailable'
