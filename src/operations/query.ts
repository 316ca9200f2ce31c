import { masks, Query, type ResponseOf } from '../../protocol/index.ts'
import { type Context, handle } from './handle.ts'

type Answer = ResponseOf<typeof Query>

/** The server's name for itself. KMIP 2.1 §6.1.40 */
export const vendorIdentification = 'kmipd'

/** What each function adds to the answer; one that is not here adds nothing, as the specification has it. */
const answers: Readonly<Record<string, (context: Context) => Partial<Answer>>> = {
  QueryOperations: ({ capabilities }) => ({ operation: capabilities.operations }),
  QueryObjects: ({ capabilities }) => ({ objectType: capabilities.objectTypes }),
  QueryServerInformation: () => ({
    vendorIdentification,
    serverInformation: { serverName: 'kmipd', productName: 'kmipd', alternateFailoverEndpoints: [] },
  }),
  QueryRNGs: () => ({
    rngParameters: [
      { rngAlgorithm: 'DRBG', cryptographicAlgorithm: 'AES', cryptographicLength: 256, drbgAlgorithm: 'CTR' },
    ],
  }),
  QueryCapabilities: () => ({
    capabilityInformation: [
      {
        streamingCapability: false,
        asynchronousCapability: false,
        attestationCapability: false,
        batchUndoCapability: true,
        batchContinueCapability: true,
        unwrapMode: 'NotProcessed',
        destroyAction: 'KeyMaterialDeleted',
        shreddingAlgorithm: 'Unsupported',
        rngMode: 'SharedInstantiation',
        quantumSafeCapability: false,
      },
    ],
  }),
  QueryClientRegistrationMethods: () => ({ clientRegistrationMethod: ['ServerPreGenerated', 'ClientGenerated'] }),
  QueryStorageProtectionMasks: () => ({
    protectionStorageMasks: { protectionStorageMask: [masks.ProtectionStorageMask.bits.Software] },
  }),
}

/** What the server can do. KMIP 2.1 §6.1.40 */
export const query = handle(Query, ({ queryFunction }, context): Answer => {
  const nothing: Answer = {
    operation: [],
    objectType: [],
    applicationNamespace: [],
    extensionInformation: [],
    attestationType: [],
    rngParameters: [],
    profileInformation: [],
    validationInformation: [],
    capabilityInformation: [],
    clientRegistrationMethod: [],
  }
  return Object.assign(nothing, ...[...new Set(queryFunction)].map(name => answers[name]?.(context) ?? {})) as Answer
})
