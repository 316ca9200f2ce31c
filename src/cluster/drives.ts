/**
 * Self-encrypting drives, as far as their lock goes.
 *
 * A drive encrypts all data with a media key. Once it is given an authentication key, it keeps the media key sealed under
 * that, and nothing else of either: opening the seal is what unlocks it, and a wrong key does not open it. As with real
 * drives, who tries too many wrong keys loses the media key for good, and with it the data. The count is on stable storage
 * before the drive answers.
 *
 * @module
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Memory } from './state.ts'
import type { Drive, Frozen, Medium } from './shapes.ts'

/** Wrong keys in a row that a drive bears. */
export const unlockLimit = 5

export type UnlockOutcome = 'unlocked' | 'wrongKey' | 'lost' | 'notLocked'

export interface DriveBay {
  readonly isLocked: (drive: Frozen<Drive>) => boolean
  /** All drives with an authentication key lock. */
  powerOff(): void
  unlock(driveID: number, key: Uint8Array): Promise<UnlockOutcome>
  /**
   * Gives an unlocked drive an authentication key, in place of what it had. It stays unlocked.
   *
   * @throws Error if the drive is locked, or the key no longer in use: it would be destroyed under the drive
   */
  setKey(driveID: number, keyID: string, key: Uint8Array): Promise<void>
  /** An unlocked drive no longer locks. */
  clearKey(driveID: number): Promise<void>
}

export function driveBay(memory: Memory): DriveBay {
  /** Media keys of unlocked drives: what a drive has in mind as long as it has power. */
  const open = new Map<number, Buffer>()

  const find = (driveID: number): Frozen<Drive> => {
    const drive = memory.state.drives.find(each => each.driveID === driveID)
    if (drive === undefined) throw new Error(`there is no drive ${driveID}`)
    return drive
  }

  const edit = (driveID: number, change: (drive: Drive) => void): Promise<void> =>
    memory.change(({ drives }) => {
      const drive = drives.find(each => each.driveID === driveID)
      if (drive !== undefined) change(drive)
    })

  function mediaKeyOf({ driveID, medium }: Frozen<Drive>): Buffer {
    const mediaKey = medium.kind === 'open' ? Buffer.from(medium.mediaKey, 'base64') : open.get(driveID)
    if (mediaKey === undefined) throw new Error(`drive ${driveID} is locked`)
    return mediaKey
  }

  return {
    isLocked: ({ driveID, medium }) => medium.kind === 'lost' || (medium.kind === 'sealed' && !open.has(driveID)),

    powerOff() {
      for (const mediaKey of open.values()) mediaKey.fill(0)
      open.clear()
    },

    async unlock(driveID, key) {
      const { medium, failedUnlocks } = find(driveID)
      if (medium.kind === 'lost') return 'lost'
      if (medium.kind === 'open' || open.has(driveID)) return 'notLocked'
      const mediaKey = unseal(medium, key)
      if (mediaKey !== undefined) {
        if (failedUnlocks > 0) await edit(driveID, drive => (drive.failedUnlocks = 0))
        open.set(driveID, mediaKey)
        return 'unlocked'
      }
      const isLast = failedUnlocks + 1 >= unlockLimit
      await edit(driveID, drive => {
        drive.failedUnlocks += 1
        if (!isLast) return
        drive.medium = { kind: 'lost' }
        drive.status = 'failed'
      })
      return isLast ? 'lost' : 'wrongKey'
    },

    async setKey(driveID, keyID, key) {
      const mediaKey = mediaKeyOf(find(driveID))
      const medium = seal(mediaKey, keyID, key)
      await memory.change(({ drives, keys }) => {
        if (!keys.some(key => key.keyID === keyID && key.status === 'inUse'))
          throw new Error(`key ${keyID} is no longer in use; drive ${driveID} does not get it`)
        for (const drive of drives) if (drive.driveID === driveID) drive.medium = medium
      })
      open.set(driveID, Buffer.from(mediaKey))
    },

    async clearKey(driveID) {
      const mediaKey = mediaKeyOf(find(driveID)).toString('base64')
      await edit(driveID, drive => (drive.medium = { kind: 'open', mediaKey }))
      open.delete(driveID)
    },
  }
}

/** A drive from the factory. */
export function newDrive(driveID: number, nodes: number, dataKey: Drive['dataKey']): Drive {
  const nodeID = 1 + ((driveID - 1) % nodes)
  const slot = Math.floor((driveID - 1) / nodes)
  return {
    driveID,
    nodeID,
    slot,
    serial: `KMIPD${randomBytes(6).toString('hex').toUpperCase()}`,
    capacity: 960_197_124_096,
    type: slot === 0 ? 'volume' : 'block',
    status: 'active',
    medium: { kind: 'open', mediaKey: randomBytes(keyBytes).toString('base64') },
    failedUnlocks: 0,
    dataKey,
  }
}

const keyBytes = 32
const cipher = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16

type Sealed = Extract<Medium, { kind: 'sealed' }>

const sealingKey = (key: Uint8Array, salt: Uint8Array): Buffer =>
  Buffer.from(hkdfSync('sha256', key, salt, 'drive lock', keyBytes))

function seal(mediaKey: Uint8Array, keyID: string, key: Uint8Array): Sealed {
  const salt = randomBytes(keyBytes)
  return { kind: 'sealed', keyID, salt: salt.toString('base64'), sealed: wrap(sealingKey(key, salt), mediaKey) }
}

const unseal = ({ salt, sealed }: Sealed, key: Uint8Array): Buffer | undefined =>
  unwrap(sealingKey(key, Buffer.from(salt, 'base64')), sealed)

/** Base64 of nonce, tag and ciphertext. */
export function wrap(key: Uint8Array, secret: Uint8Array): string {
  const nonce = randomBytes(nonceBytes)
  const cipherer = createCipheriv(cipher, key, nonce)
  const body = Buffer.concat([cipherer.update(secret), cipherer.final()])
  return Buffer.concat([nonce, cipherer.getAuthTag(), body]).toString('base64')
}

/** Undefined under another key. */
export function unwrap(key: Uint8Array, wrapped: string): Buffer | undefined {
  const bytes = Buffer.from(wrapped, 'base64')
  const decipher = createDecipheriv(cipher, key, bytes.subarray(0, nonceBytes))
  decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes))
  try {
    return Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()])
  } catch {
    return undefined
  }
}

/** By which a key is known again; it tells nothing of the key, which is random. */
export const checkOf = (keyID: string, key: Uint8Array): string =>
  Buffer.from(hkdfSync('sha256', key, keyID, 'key check', 16)).toString('hex')

export const isKey = (
  { keyID, check }: { readonly keyID: string; readonly check?: string | undefined },
  key: Uint8Array,
) => check !== undefined && timingSafeEqual(Buffer.from(check, 'hex'), Buffer.from(checkOf(keyID, key), 'hex'))
