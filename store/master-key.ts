/**
 * Where the master key comes from. It is 32 bytes, wraps the keyring, and is never stored by this library but in a file
 * made by {@link createMasterKeyFile}.
 *
 * @module
 */
import { randomBytes, scrypt } from 'node:crypto'
import { open, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StoreError } from './error.ts'
import { giveToOwner, syncFolder } from './folder.ts'

/** How a passphrase becomes a key (RFC 7914); kept in the store's header, for it is no secret. */
export interface Kdf {
  readonly name: 'scrypt'
  readonly N: number
  readonly r: number
  readonly p: number
  /** 16 random bytes in base64. */
  readonly salt: string
}

export interface Unlocked {
  /** 32 bytes; whoever asked wipes them. */
  readonly key: Uint8Array
  /** What must be known, beside the passphrase, to come to the same key again. */
  readonly kdf?: Kdf | undefined
}

export interface MasterKey {
  readonly source: 'file' | 'passphrase' | 'environment'
  /**
   * @param kdf as an existing store recorded it; a new one is made up when it is absent. Only for passphrases.
   * @throws StoreError `masterKey`, saying what is wrong and what to do.
   */
  unlock(kdf?: Kdf): Promise<Unlocked>
}

const keyBytes = 32

/**
 * Reads the key from a file: 32 raw bytes, or the same in hexadecimal or base64 with white space around it. On POSIX
 * systems the file must not be accessible to group or others.
 */
export function masterKeyFile(path: string): MasterKey {
  return { source: 'file', unlock: async () => ({ key: await readKeyFile(path) }) }
}

/**
 * Makes a new random key in a new file (0600, base64), on stable storage when it resolves.
 *
 * @throws StoreError `masterKey` when anything is at `path` already: a master key is never overwritten.
 */
export async function createMasterKeyFile(path: string): Promise<void> {
  const key = randomBytes(keyBytes)
  let made = false
  try {
    const file = await open(path, 'wx', 0o600)
    made = true
    try {
      await giveToOwner(path, file)
      await file.writeFile(`${key.toString('base64')}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await syncFolder(dirname(path))
  } catch (cause) {
    // Half a key must not look like one.
    if (made) await unlink(path).catch(() => undefined)
    const exists = errorCode(cause) === 'EEXIST'
    throw new StoreError(
      'masterKey',
      exists
        ? `${path} exists already and a master key is never overwritten: use it, or name another file`
        : `cannot create the master key file ${path}: ${text(cause)}`,
      { cause },
    )
  } finally {
    key.fill(0)
  }
}

/** Derives the key with scrypt, N = 2^17, r = 8, p = 1: about half a second and 128 MiB, once, off the event loop. */
export function masterKeyPassphrase(passphrase: string): MasterKey {
  return {
    source: 'passphrase',
    async unlock(kdf = { name: 'scrypt', N: 2 ** 17, r: 8, p: 1, salt: randomBytes(16).toString('base64') }) {
      if (passphrase === '') throw new StoreError('masterKey', 'the passphrase is empty')
      return { key: await derive(passphrase, kdf), kdf }
    },
  }
}

/** Takes the key from a text: 32 bytes in hexadecimal or base64, as an environment variable would hold it. */
export function masterKeyText(value: string): MasterKey {
  return { source: 'environment', unlock: async () => ({ key: parse(value, 'the master key in the environment') }) }
}

async function readKeyFile(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new StoreError('masterKey', `cannot open the master key file ${path}: ${text(cause)}`, { cause })
  })
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw new StoreError('masterKey', `the master key ${path} is not a regular file`)
    if (process.platform !== 'win32' && (stat.mode & 0o077) !== 0) {
      const mode = (stat.mode & 0o777).toString(8)
      throw new StoreError(
        'masterKey',
        `the master key file ${path} is open to group or others (mode ${mode}): chmod 600 ${path}`,
      )
    }
    // Nothing of 32 bytes needs more room, whatever its spelling.
    const content = Buffer.alloc(256)
    const { bytesRead } = await file.read(content, 0, content.length, 0)
    const read = content.subarray(0, bytesRead)
    try {
      return bytesRead === keyBytes ? Uint8Array.from(read) : parse(read.toString('latin1'), `the file ${path}`)
    } finally {
      content.fill(0)
    }
  } finally {
    await file.close()
  }
}

const hexadecimal = /^[0-9A-Fa-f]{64}$/
const base64 = /^[A-Za-z0-9+/_-]{43}=?$/

function parse(value: string, where: string): Uint8Array {
  const trimmed = value.trim()
  if (hexadecimal.test(trimmed)) return Uint8Array.from(Buffer.from(trimmed, 'hex'))
  if (base64.test(trimmed)) return Uint8Array.from(Buffer.from(trimmed, 'base64'))
  throw new StoreError(
    'masterKey',
    `${where} holds ${trimmed.length} characters that are not 32 bytes in hexadecimal (64 characters) or base64 (44)`,
  )
}

function derive(passphrase: string, { N, r, p, salt }: Kdf): Promise<Uint8Array> {
  const maxmem = 256 * N * r
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFKC'), Buffer.from(salt, 'base64'), keyBytes, { N, r, p, maxmem }, (cause, key) => {
      if (cause) reject(new StoreError('masterKey', `scrypt failed: ${cause.message}`, { cause }))
      else resolve(key)
    })
  })
}

function errorCode(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined
}

function text(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
