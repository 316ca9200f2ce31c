/**
 * What each method's result has to look like: a table that the typed client holds every answer against. Strict, so that
 * neither a member too many nor one too few gets by.
 *
 * @module
 */
import * as z from 'zod'

const nothing = z.strictObject({})
const time = z.iso.datetime()
const uuid = z.uuid()
const pem = (label: string) => z.string().startsWith(`-----BEGIN ${label}-----\n`)

const keyServer = z.strictObject({
  keyServerID: z.int().positive(),
  keyProviderID: z.int().positive().nullable(),
  kmipAssignedProviderIsActive: z.boolean().nullable(),
  kmipCaCertificate: z.string(),
  kmipClientCertificate: z.string(),
  kmipKeyServerHostnames: z.array(z.string()).min(1),
  kmipKeyServerName: z.string(),
  kmipKeyServerPort: z.int(),
})

const keyProvider = z.strictObject({
  keyProviderID: z.int().positive(),
  keyProviderName: z.string(),
  keyProviderIsActive: z.boolean(),
  keyServerIDs: z.array(z.int().positive()),
  kmipCapabilities: z.literal('SSL'),
})

const management = z.enum(['Internal', 'External'])

const keyInfo = z.strictObject({
  keyCreatedTime: time,
  keyID: uuid,
  keyManagementType: management,
  keyProviderID: z.int().positive().optional(),
})

const rekeyedKey = z.strictObject({
  keyID: uuid.optional(),
  keyManagementType: management,
  keyProviderID: z.int().positive().optional(),
})

const rekeyInfo = z.strictObject({
  keyToDecommission: rekeyedKey,
  newKey: rekeyedKey,
  operation: z.string(),
  state: z.enum(['Ready', 'CreateNewMasterKey', 'RewrapDataEncryptionKeys', 'DecommissionOldMasterKey']),
})

const fault = z.strictObject({
  clusterFaultID: z.int().positive(),
  code: z.enum(['kmipServerFault', 'kmipCertificateFault', 'sliceServiceUnhealthy', 'driveFailed', 'driveAvailable']),
  severity: z.enum(['warning', 'error', 'critical', 'bestPractice']),
  type: z.enum(['node', 'drive', 'cluster', 'service', 'volume']),
  details: z.string().min(1),
  date: time,
  resolved: z.boolean(),
  resolvedDate: z.union([time, z.literal('')]),
  driveID: z.int(),
  driveIDs: z.array(z.int().positive()),
  nodeID: z.int(),
  nodeHardwareFaultID: z.int(),
  serviceID: z.int(),
  blocksUpgrade: z.boolean(),
  data: z.null(),
})

const asyncHandle = z.strictObject({ asyncHandle: z.int().positive() })

export const results = {
  CreatePublicPrivateKeyPair: nothing,
  GetClientCertificateSignRequest: z.strictObject({ clientCertificateSignRequest: pem('CERTIFICATE REQUEST') }),
  CreateKeyServerKmip: z.strictObject({ kmipKeyServer: keyServer }),
  ModifyKeyServerKmip: z.strictObject({ kmipKeyServer: keyServer }),
  DeleteKeyServerKmip: nothing,
  GetKeyServerKmip: z.strictObject({ kmipKeyServer: keyServer }),
  ListKeyServersKmip: z.strictObject({ kmipKeyServers: z.array(keyServer) }),
  TestKeyServerKmip: nothing,
  CreateKeyProviderKmip: z.strictObject({ kmipKeyProvider: keyProvider }),
  DeleteKeyProviderKmip: nothing,
  AddKeyServerToProviderKmip: nothing,
  RemoveKeyServerFromProviderKmip: nothing,
  GetKeyProviderKmip: z.strictObject({ kmipKeyProvider: keyProvider }),
  ListKeyProvidersKmip: z.strictObject({ kmipKeyProviders: z.array(keyProvider) }),
  TestKeyProviderKmip: nothing,
  EnableEncryptionAtRest: nothing,
  DisableEncryptionAtRest: nothing,
  GetEncryptionAtRestInfo: z.strictObject({
    state: z.enum(['disabled', 'enabling', 'enabled', 'disabling']),
    authenticationKeyInfo: keyInfo.optional(),
  }),
  GetSoftwareEncryptionAtRestInfo: z.strictObject({
    state: z.enum(['enabled', 'disabled']),
    version: z.int(),
    masterKeyInfo: keyInfo.optional(),
    rekeyMasterKeyAsyncResultID: z.int().positive().optional(),
  }),
  RekeySoftwareEncryptionAtRestMasterKey: asyncHandle,
  GetAsyncResult: z.strictObject({
    status: z.enum(['running', 'complete']),
    resultType: z.string(),
    createTime: time,
    lastUpdateTime: time,
    details: z.union([rekeyInfo, z.strictObject({ message: z.string() })]).optional(),
    result: z.union([rekeyInfo, nothing]).optional(),
    error: z.strictObject({ name: z.string(), message: z.string() }).optional(),
  }),
  ListClusterFaults: z.strictObject({ faults: z.array(fault) }),
  ListDrives: z.strictObject({
    drives: z.array(
      z.strictObject({
        attributes: nothing,
        capacity: z.int().positive(),
        driveID: z.int().positive(),
        nodeID: z.int().positive(),
        serial: z.string().min(1),
        slot: z.int(),
        status: z.enum(['available', 'active', 'failed']),
        type: z.enum(['volume', 'block']),
      }),
    ),
  }),
  AddDrives: asyncHandle,
  RemoveDrives: asyncHandle,
  GetClusterInfo: z.strictObject({
    clusterInfo: z.strictObject({
      attributes: nothing,
      encryptionAtRestState: z.enum(['disabled', 'enabling', 'enabled', 'disabling']),
      softwareEncryptionAtRestState: z.enum(['enabled', 'disabled']),
      ensemble: z.array(z.string()),
      mvip: z.string(),
      mvipInterface: z.string(),
      mvipNodeID: z.int(),
      mvipVlanTag: z.string(),
      name: z.string(),
      repCount: z.int(),
      state: z.string(),
      svip: z.string(),
      svipInterface: z.string(),
      svipNodeID: z.int(),
      svipVlanTag: z.string(),
      uniqueID: z.string(),
      uuid,
    }),
  }),
  GetAPI: z.strictObject({
    '12.3': z.array(z.string()),
    currentVersion: z.literal('12.3'),
    supportedVersions: z.array(z.string()).min(1),
  }),
  KmipdPowerCycle: nothing,
  KmipdListDrives: z.strictObject({
    unlockLimit: z.int().positive(),
    drives: z.array(
      z.strictObject({
        driveID: z.int().positive(),
        nodeID: z.int().positive(),
        serial: z.string(),
        type: z.enum(['volume', 'block']),
        status: z.enum(['available', 'active', 'failed']),
        isLocked: z.boolean(),
        isLost: z.boolean(),
        failedUnlocks: z.int(),
        keyID: uuid.nullable(),
        keyProviderID: z.int().nullable(),
        dataKeyID: uuid,
      }),
    ),
  }),
  KmipdListKeys: z.strictObject({
    keys: z.array(
      z.strictObject({
        keyID: uuid,
        purpose: z.enum(['authentication', 'master']),
        keyManagementType: management,
        keyProviderID: z.int().nullable(),
        status: z.enum(['making', 'inUse', 'leaving']),
        created: time,
        keyProviderIsActive: z.boolean().nullable(),
      }),
    ),
  }),
  KmipdUnlockDrive: z.strictObject({ outcome: z.enum(['unlocked', 'wrongKey', 'lost', 'notLocked']) }),
  KmipdFailDrive: nothing,
  KmipdInsertDrives: z.strictObject({ driveIDs: z.array(z.int().positive()) }),
} as const

export type MethodName = keyof typeof results
export type ResultOf<M extends MethodName> = z.infer<(typeof results)[M]>
