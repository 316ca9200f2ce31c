/**
 * Every enumeration of KMIP 1.0 to 2.1, its values grouped by the version that introduced them.
 *
 * @module
 */
import { enumeration } from '../schema/enumeration.ts'

export const CredentialType = enumeration('Credential Type', {
  '1.0': {
    UsernameAndPassword: 0x01,
  },
  '1.1': {
    Device: 0x02,
  },
  '1.2': {
    Attestation: 0x03,
  },
  '2.0': {
    OneTimePassword: 0x04,
    HashedPassword: 0x05,
    Ticket: 0x06,
  },
})

export const KeyCompressionType = enumeration('Key Compression Type', {
  '1.0': {
    ECPublicKeyTypeUncompressed: 0x01,
    ECPublicKeyTypeX9_62CompressedPrime: 0x02,
    ECPublicKeyTypeX9_62CompressedChar2: 0x03,
    ECPublicKeyTypeX9_62Hybrid: 0x04,
  },
})

export const KeyFormatType = enumeration('Key Format Type', {
  '1.0': {
    Raw: 0x01,
    Opaque: 0x02,
    PKCS_1: 0x03,
    PKCS_8: 0x04,
    X_509: 0x05,
    ECPrivateKey: 0x06,
    TransparentSymmetricKey: 0x07,
    TransparentDSAPrivateKey: 0x08,
    TransparentDSAPublicKey: 0x09,
    TransparentRSAPrivateKey: 0x0a,
    TransparentRSAPublicKey: 0x0b,
    TransparentDHPrivateKey: 0x0c,
    TransparentDHPublicKey: 0x0d,
    TransparentECDSAPrivateKey: 0x0e,
    TransparentECDSAPublicKey: 0x0f,
    TransparentECDHPrivateKey: 0x10,
    TransparentECDHPublicKey: 0x11,
    TransparentECMQVPrivateKey: 0x12,
    TransparentECMQVPublicKey: 0x13,
  },
  '1.3': {
    TransparentECPrivateKey: 0x14,
    TransparentECPublicKey: 0x15,
  },
  '1.4': {
    PKCS_12: 0x16,
  },
  '2.0': {
    PKCS_10: 0x17,
  },
})

export const WrappingMethod = enumeration('Wrapping Method', {
  '1.0': {
    Encrypt: 0x01,
    MACSign: 0x02,
    EncryptThenMACSign: 0x03,
    MACSignThenEncrypt: 0x04,
    TR_31: 0x05,
  },
})

export const RecommendedCurve = enumeration('Recommended Curve', {
  '1.0': {
    P_192: 0x01,
    K_163: 0x02,
    B_163: 0x03,
    P_224: 0x04,
    K_233: 0x05,
    B_233: 0x06,
    P_256: 0x07,
    K_283: 0x08,
    B_283: 0x09,
    P_384: 0x0a,
    K_409: 0x0b,
    B_409: 0x0c,
    P_521: 0x0d,
    K_571: 0x0e,
    B_571: 0x0f,
  },
  '1.2': {
    SECP112R1: 0x10,
    SECP112R2: 0x11,
    SECP128R1: 0x12,
    SECP128R2: 0x13,
    SECP160K1: 0x14,
    SECP160R1: 0x15,
    SECP160R2: 0x16,
    SECP192K1: 0x17,
    SECP224K1: 0x18,
    SECP256K1: 0x19,
    SECT113R1: 0x1a,
    SECT113R2: 0x1b,
    SECT131R1: 0x1c,
    SECT131R2: 0x1d,
    SECT163R1: 0x1e,
    SECT193R1: 0x1f,
    SECT193R2: 0x20,
    SECT239K1: 0x21,
    ANSIX9P192V2: 0x22,
    ANSIX9P192V3: 0x23,
    ANSIX9P239V1: 0x24,
    ANSIX9P239V2: 0x25,
    ANSIX9P239V3: 0x26,
    ANSIX9C2PNB163V1: 0x27,
    ANSIX9C2PNB163V2: 0x28,
    ANSIX9C2PNB163V3: 0x29,
    ANSIX9C2PNB176V1: 0x2a,
    ANSIX9C2TNB191V1: 0x2b,
    ANSIX9C2TNB191V2: 0x2c,
    ANSIX9C2TNB191V3: 0x2d,
    ANSIX9C2PNB208W1: 0x2e,
    ANSIX9C2TNB239V1: 0x2f,
    ANSIX9C2TNB239V2: 0x30,
    ANSIX9C2TNB239V3: 0x31,
    ANSIX9C2PNB272W1: 0x32,
    ANSIX9C2PNB304W1: 0x33,
    ANSIX9C2TNB359V1: 0x34,
    ANSIX9C2PNB368W1: 0x35,
    ANSIX9C2TNB431R1: 0x36,
    BRAINPOOLP160R1: 0x37,
    BRAINPOOLP160T1: 0x38,
    BRAINPOOLP192R1: 0x39,
    BRAINPOOLP192T1: 0x3a,
    BRAINPOOLP224R1: 0x3b,
    BRAINPOOLP224T1: 0x3c,
    BRAINPOOLP256R1: 0x3d,
    BRAINPOOLP256T1: 0x3e,
    BRAINPOOLP320R1: 0x3f,
    BRAINPOOLP320T1: 0x40,
    BRAINPOOLP384R1: 0x41,
    BRAINPOOLP384T1: 0x42,
    BRAINPOOLP512R1: 0x43,
    BRAINPOOLP512T1: 0x44,
  },
  '2.0': {
    CURVE25519: 0x45,
    CURVE448: 0x46,
  },
})

export const CertificateType = enumeration('Certificate Type', {
  '1.0': {
    X_509: 0x01,
    PGP: 0x02,
  },
})

export const SplitKeyMethod = enumeration('Split Key Method', {
  '1.0': {
    XOR: 0x01,
    PolynomialSharingGF2_16: 0x02,
    PolynomialSharingPrimeField: 0x03,
  },
  '1.2': {
    PolynomialSharingGF2_8: 0x04,
  },
})

export const SecretDataType = enumeration('Secret Data Type', {
  '1.0': {
    Password: 0x01,
    Seed: 0x02,
  },
})

/** The specification leaves every value to vendors. KMIP 2.1 §11.35 */
export const OpaqueDataType = enumeration('Opaque Data Type', {})

export const NameType = enumeration('Name Type', {
  '1.0': {
    UninterpretedTextString: 0x01,
    URI: 0x02,
  },
})

export const ObjectType = enumeration('Object Type', {
  '1.0': {
    Certificate: 0x01,
    SymmetricKey: 0x02,
    PublicKey: 0x03,
    PrivateKey: 0x04,
    SplitKey: 0x05,
    Template: 0x06,
    SecretData: 0x07,
    OpaqueObject: 0x08,
  },
  '1.2': {
    PGPKey: 0x09,
  },
  '2.0': {
    CertificateRequest: 0x0a,
  },
})

export const CryptographicAlgorithm = enumeration('Cryptographic Algorithm', {
  '1.0': {
    DES: 0x01,
    DES3: 0x02,
    AES: 0x03,
    RSA: 0x04,
    DSA: 0x05,
    ECDSA: 0x06,
    HMAC_SHA1: 0x07,
    HMAC_SHA224: 0x08,
    HMAC_SHA256: 0x09,
    HMAC_SHA384: 0x0a,
    HMAC_SHA512: 0x0b,
    HMAC_MD5: 0x0c,
    DH: 0x0d,
    ECDH: 0x0e,
    ECMQV: 0x0f,
    Blowfish: 0x10,
    Camellia: 0x11,
    CAST5: 0x12,
    IDEA: 0x13,
    MARS: 0x14,
    RC2: 0x15,
    RC4: 0x16,
    RC5: 0x17,
    SKIPJACK: 0x18,
    Twofish: 0x19,
  },
  '1.2': {
    EC: 0x1a,
  },
  '1.3': {
    OneTimePad: 0x1b,
  },
  '1.4': {
    ChaCha20: 0x1c,
    Poly1305: 0x1d,
    ChaCha20Poly1305: 0x1e,
    SHA3_224: 0x1f,
    SHA3_256: 0x20,
    SHA3_384: 0x21,
    SHA3_512: 0x22,
    HMAC_SHA3_224: 0x23,
    HMAC_SHA3_256: 0x24,
    HMAC_SHA3_384: 0x25,
    HMAC_SHA3_512: 0x26,
    SHAKE_128: 0x27,
    SHAKE_256: 0x28,
  },
  '2.0': {
    ARIA: 0x29,
    SEED: 0x2a,
    SM2: 0x2b,
    SM3: 0x2c,
    SM4: 0x2d,
    GOSTR34_10_2012: 0x2e,
    GOSTR34_11_2012: 0x2f,
    GOSTR34_13_2015: 0x30,
    GOST28147_89: 0x31,
    XMSS: 0x32,
    SPHINCS_256: 0x33,
    McEliece: 0x34,
    McEliece_6960119: 0x35,
    McEliece_8192128: 0x36,
    Ed25519: 0x37,
    Ed448: 0x38,
  },
})

export const BlockCipherMode = enumeration('Block Cipher Mode', {
  '1.0': {
    CBC: 0x01,
    ECB: 0x02,
    PCBC: 0x03,
    CFB: 0x04,
    OFB: 0x05,
    CTR: 0x06,
    CMAC: 0x07,
    CCM: 0x08,
    GCM: 0x09,
    CBC_MAC: 0x0a,
    XTS: 0x0b,
    AESKeyWrapPadding: 0x0c,
    NISTKeyWrap: 0x0d,
    X9_102AESKW: 0x0e,
    X9_102TDKW: 0x0f,
    X9_102AKW1: 0x10,
    X9_102AKW2: 0x11,
  },
  '1.4': {
    AEAD: 0x12,
  },
})

export const PaddingMethod = enumeration('Padding Method', {
  '1.0': {
    None: 0x01,
    OAEP: 0x02,
    PKCS5: 0x03,
    SSL3: 0x04,
    Zeros: 0x05,
    ANSIX9_23: 0x06,
    ISO10126: 0x07,
    PKCS1V1_5: 0x08,
    X9_31: 0x09,
    PSS: 0x0a,
  },
})

export const HashingAlgorithm = enumeration('Hashing Algorithm', {
  '1.0': {
    MD2: 0x01,
    MD4: 0x02,
    MD5: 0x03,
    SHA_1: 0x04,
    SHA_224: 0x05,
    SHA_256: 0x06,
    SHA_384: 0x07,
    SHA_512: 0x08,
    RIPEMD_160: 0x09,
    Tiger: 0x0a,
    Whirlpool: 0x0b,
  },
  '1.2': {
    SHA_512_224: 0x0c,
    SHA_512_256: 0x0d,
  },
  '1.4': {
    SHA3_224: 0x0e,
    SHA3_256: 0x0f,
    SHA3_384: 0x10,
    SHA3_512: 0x11,
  },
})

export const KeyRoleType = enumeration('Key Role Type', {
  '1.0': {
    BDK: 0x01,
    CVK: 0x02,
    DEK: 0x03,
    MKAC: 0x04,
    MKSMC: 0x05,
    MKSMI: 0x06,
    MKDAC: 0x07,
    MKDN: 0x08,
    MKCP: 0x09,
    MKOTH: 0x0a,
    KEK: 0x0b,
    MAC16609: 0x0c,
    MAC97971: 0x0d,
    MAC97972: 0x0e,
    MAC97973: 0x0f,
    MAC97974: 0x10,
    MAC97975: 0x11,
    ZPK: 0x12,
    PVKIBM: 0x13,
    PVKPVV: 0x14,
    PVKOTH: 0x15,
  },
  '1.4': {
    DUKPT: 0x16,
    IV: 0x17,
    TRKBK: 0x18,
  },
})

export const State = enumeration('State', {
  '1.0': {
    PreActive: 0x01,
    Active: 0x02,
    Deactivated: 0x03,
    Compromised: 0x04,
    Destroyed: 0x05,
    DestroyedCompromised: 0x06,
  },
})

export const RevocationReasonCode = enumeration('Revocation Reason Code', {
  '1.0': {
    Unspecified: 0x01,
    KeyCompromise: 0x02,
    CACompromise: 0x03,
    AffiliationChanged: 0x04,
    Superseded: 0x05,
    CessationOfOperation: 0x06,
    PrivilegeWithdrawn: 0x07,
  },
})

export const LinkType = enumeration('Link Type', {
  '1.0': {
    CertificateLink: 0x101,
    PublicKeyLink: 0x102,
    PrivateKeyLink: 0x103,
    DerivationBaseObjectLink: 0x104,
    DerivedKeyLink: 0x105,
    ReplacementObjectLink: 0x106,
    ReplacedObjectLink: 0x107,
  },
  '1.2': {
    ParentLink: 0x108,
    ChildLink: 0x109,
    PreviousLink: 0x10a,
    NextLink: 0x10b,
  },
  '1.4': {
    PKCS_12CertificateLink: 0x10c,
    PKCS_12PasswordLink: 0x10d,
  },
  '2.0': {
    WrappingKeyLink: 0x10e,
  },
})

export const DerivationMethod = enumeration('Derivation Method', {
  '1.0': {
    PBKDF2: 0x01,
    HASH: 0x02,
    HMAC: 0x03,
    ENCRYPT: 0x04,
    NIST800_108_C: 0x05,
    NIST800_108_F: 0x06,
    NIST800_108_DPI: 0x07,
  },
  '1.4': {
    AsymmetricKey: 0x08,
  },
  '2.0': {
    AWSSignatureVersion4: 0x09,
    HKDF: 0x0a,
  },
})

export const CertificateRequestType = enumeration('Certificate Request Type', {
  '1.0': {
    CRMF: 0x01,
    PKCS_10: 0x02,
    PEM: 0x03,
    PGP: 0x04,
  },
})

export const ValidityIndicator = enumeration('Validity Indicator', {
  '1.0': {
    Valid: 0x01,
    Invalid: 0x02,
    Unknown: 0x03,
  },
})

export const QueryFunction = enumeration('Query Function', {
  '1.0': {
    QueryOperations: 0x01,
    QueryObjects: 0x02,
    QueryServerInformation: 0x03,
    QueryApplicationNamespaces: 0x04,
  },
  '1.1': {
    QueryExtensionList: 0x05,
    QueryExtensionMap: 0x06,
  },
  '1.2': {
    QueryAttestationTypes: 0x07,
  },
  '1.3': {
    QueryRNGs: 0x08,
    QueryValidations: 0x09,
    QueryProfiles: 0x0a,
    QueryCapabilities: 0x0b,
    QueryClientRegistrationMethods: 0x0c,
  },
  '2.0': {
    QueryDefaultsInformation: 0x0d,
    QueryStorageProtectionMasks: 0x0e,
  },
})

export const CancellationResult = enumeration('Cancellation Result', {
  '1.0': {
    Canceled: 0x01,
    UnableToCancel: 0x02,
    Completed: 0x03,
    Failed: 0x04,
    Unavailable: 0x05,
  },
})

export const PutFunction = enumeration('Put Function', {
  '1.0': {
    New: 0x01,
    Replace: 0x02,
  },
})

export const Operation = enumeration('Operation', {
  '1.0': {
    Create: 0x01,
    CreateKeyPair: 0x02,
    Register: 0x03,
    ReKey: 0x04,
    DeriveKey: 0x05,
    Certify: 0x06,
    ReCertify: 0x07,
    Locate: 0x08,
    Check: 0x09,
    Get: 0x0a,
    GetAttributes: 0x0b,
    GetAttributeList: 0x0c,
    AddAttribute: 0x0d,
    ModifyAttribute: 0x0e,
    DeleteAttribute: 0x0f,
    ObtainLease: 0x10,
    GetUsageAllocation: 0x11,
    Activate: 0x12,
    Revoke: 0x13,
    Destroy: 0x14,
    Archive: 0x15,
    Recover: 0x16,
    Validate: 0x17,
    Query: 0x18,
    Cancel: 0x19,
    Poll: 0x1a,
    Notify: 0x1b,
    Put: 0x1c,
  },
  '1.1': {
    ReKeyKeyPair: 0x1d,
    DiscoverVersions: 0x1e,
  },
  '1.2': {
    Encrypt: 0x1f,
    Decrypt: 0x20,
    Sign: 0x21,
    SignatureVerify: 0x22,
    MAC: 0x23,
    MACVerify: 0x24,
    RNGRetrieve: 0x25,
    RNGSeed: 0x26,
    Hash: 0x27,
    CreateSplitKey: 0x28,
    JoinSplitKey: 0x29,
  },
  '1.4': {
    Import: 0x2a,
    Export: 0x2b,
  },
  '2.0': {
    Log: 0x2c,
    Login: 0x2d,
    Logout: 0x2e,
    DelegatedLogin: 0x2f,
    AdjustAttribute: 0x30,
    SetAttribute: 0x31,
    SetEndpointRole: 0x32,
    PKCS_11: 0x33,
    Interop: 0x34,
    ReProvision: 0x35,
  },
  '2.1': {
    SetDefaults: 0x36,
    SetConstraints: 0x37,
    GetConstraints: 0x38,
    QueryAsynchronousRequests: 0x39,
    Process: 0x3a,
    Ping: 0x3b,
  },
})

export const ResultStatus = enumeration('Result Status', {
  '1.0': {
    Success: 0x00,
    OperationFailed: 0x01,
    OperationPending: 0x02,
    OperationUndone: 0x03,
  },
})

export const ResultReason = enumeration('Result Reason', {
  '1.0': {
    ItemNotFound: 0x01,
    ResponseTooLarge: 0x02,
    AuthenticationNotSuccessful: 0x03,
    InvalidMessage: 0x04,
    OperationNotSupported: 0x05,
    MissingData: 0x06,
    InvalidField: 0x07,
    FeatureNotSupported: 0x08,
    OperationCanceledByRequester: 0x09,
    CryptographicFailure: 0x0a,
    IllegalOperation: 0x0b,
    PermissionDenied: 0x0c,
    ObjectArchived: 0x0d,
    IndexOutOfBounds: 0x0e,
    ApplicationNamespaceNotSupported: 0x0f,
    KeyFormatTypeNotSupported: 0x10,
    KeyCompressionTypeNotSupported: 0x11,
    GeneralFailure: 0x100,
  },
  '1.1': {
    EncodingOptionError: 0x12,
  },
  '1.2': {
    KeyValueNotPresent: 0x13,
    AttestationRequired: 0x14,
    AttestationFailed: 0x15,
  },
  '1.4': {
    Sensitive: 0x16,
    NotExtractable: 0x17,
    ObjectAlreadyExists: 0x18,
  },
  '2.0': {
    InvalidTicket: 0x19,
    UsageLimitExceeded: 0x1a,
    NumericRange: 0x1b,
    InvalidDataType: 0x1c,
    ReadOnlyAttribute: 0x1d,
    MultiValuedAttribute: 0x1e,
    UnsupportedAttribute: 0x1f,
    AttributeInstanceNotFound: 0x20,
    AttributeNotFound: 0x21,
    AttributeReadOnly: 0x22,
    AttributeSingleValued: 0x23,
    BadCryptographicParameters: 0x24,
    BadPassword: 0x25,
    CodecError: 0x26,
    IllegalObjectType: 0x28,
    IncompatibleCryptographicUsageMask: 0x29,
    InternalServerError: 0x2a,
    InvalidAsynchronousCorrelationValue: 0x2b,
    InvalidAttribute: 0x2c,
    InvalidAttributeValue: 0x2d,
    InvalidCorrelationValue: 0x2e,
    InvalidCSR: 0x2f,
    InvalidObjectType: 0x30,
    KeyWrapTypeNotSupported: 0x32,
    MissingInitializationVector: 0x34,
    NonUniqueNameAttribute: 0x35,
    ObjectDestroyed: 0x36,
    ObjectNotFound: 0x37,
    NotAuthorised: 0x39,
    ServerLimitExceeded: 0x3a,
    UnknownEnumeration: 0x3b,
    UnknownMessageExtension: 0x3c,
    UnknownTag: 0x3d,
    UnsupportedCryptographicParameters: 0x3e,
    UnsupportedProtocolVersion: 0x3f,
    WrappingObjectArchived: 0x40,
    WrappingObjectDestroyed: 0x41,
    WrappingObjectNotFound: 0x42,
    WrongKeyLifecycleState: 0x43,
    ProtectionStorageUnavailable: 0x44,
    PKCS_11CodecError: 0x45,
    PKCS_11InvalidFunction: 0x46,
    PKCS_11InvalidInterface: 0x47,
    PrivateProtectionStorageUnavailable: 0x48,
    PublicProtectionStorageUnavailable: 0x49,
  },
  '2.1': {
    UnknownObjectGroup: 0x4a,
    ConstraintViolation: 0x4b,
    DuplicateProcessRequest: 0x4c,
  },
})

export const BatchErrorContinuationOption = enumeration('Batch Error Continuation Option', {
  '1.0': {
    Continue: 0x01,
    Stop: 0x02,
    Undo: 0x03,
  },
})

export const UsageLimitsUnit = enumeration('Usage Limits Unit', {
  '1.0': {
    Byte: 0x01,
    Object: 0x02,
  },
})

export const DigitalSignatureAlgorithm = enumeration('Digital Signature Algorithm', {
  '1.1': {
    MD2WithRSAEncryption: 0x01,
    MD5WithRSAEncryption: 0x02,
    SHA_1WithRSAEncryption: 0x03,
    SHA_224WithRSAEncryption: 0x04,
    SHA_256WithRSAEncryption: 0x05,
    SHA_384WithRSAEncryption: 0x06,
    SHA_512WithRSAEncryption: 0x07,
    RSASSA_PSS: 0x08,
    DSAWithSHA_1: 0x09,
    DSAWithSHA224: 0x0a,
    DSAWithSHA256: 0x0b,
    ECDSAWithSHA_1: 0x0c,
    ECDSAWithSHA224: 0x0d,
    ECDSAWithSHA256: 0x0e,
    ECDSAWithSHA384: 0x0f,
    ECDSAWithSHA512: 0x10,
  },
  '1.4': {
    SHA3_256WithRSAEncryption: 0x11,
    SHA3_384WithRSAEncryption: 0x12,
    SHA3_512WithRSAEncryption: 0x13,
  },
})

export const EncodingOption = enumeration('Encoding Option', {
  '1.1': {
    NoEncoding: 0x01,
    TTLVEncoding: 0x02,
  },
})

export const ObjectGroupMember = enumeration('Object Group Member', {
  '1.1': {
    GroupMemberFresh: 0x01,
    GroupMemberDefault: 0x02,
  },
})

export const AlternativeNameType = enumeration('Alternative Name Type', {
  '1.2': {
    UninterpretedTextString: 0x01,
    URI: 0x02,
    ObjectSerialNumber: 0x03,
    EmailAddress: 0x04,
    DNSName: 0x05,
    X_500DistinguishedName: 0x06,
    IPAddress: 0x07,
  },
})

export const KeyValueLocationType = enumeration('Key Value Location Type', {
  '1.2': {
    UninterpretedTextString: 0x01,
    URI: 0x02,
  },
})

export const AttestationType = enumeration('Attestation Type', {
  '1.2': {
    TPMQuote: 0x01,
    TCGIntegrityReport: 0x02,
    SAMLAssertion: 0x03,
  },
})

export const RNGAlgorithm = enumeration('RNG Algorithm', {
  '1.3': {
    Unspecified: 0x01,
    FIPS186_2: 0x02,
    DRBG: 0x03,
    NRBG: 0x04,
    ANSIX9_31: 0x05,
    ANSIX9_62: 0x06,
  },
})

export const DRBGAlgorithm = enumeration('DRBG Algorithm', {
  '1.3': {
    Unspecified: 0x01,
    Dual_EC: 0x02,
    Hash: 0x03,
    HMAC: 0x04,
    CTR: 0x05,
  },
})

export const FIPS186Variation = enumeration('FIPS186 Variation', {
  '1.3': {
    Unspecified: 0x01,
    GPXOriginal: 0x02,
    GPXChangeNotice: 0x03,
    XOriginal: 0x04,
    XChangeNotice: 0x05,
    KOriginal: 0x06,
    KChangeNotice: 0x07,
  },
})

export const ValidationAuthorityType = enumeration('Validation Authority Type', {
  '1.3': {
    Unspecified: 0x01,
    NISTCMVP: 0x02,
    CommonCriteria: 0x03,
  },
})

export const ValidationType = enumeration('Validation Type', {
  '1.3': {
    Unspecified: 0x01,
    Hardware: 0x02,
    Software: 0x03,
    Firmware: 0x04,
    Hybrid: 0x05,
  },
})

export const ProfileName = enumeration('Profile Name', {
  '1.3': {
    BaselineServerBasicKMIPV1_2: 0x01,
    BaselineServerTLSV1_2KMIPV1_2: 0x02,
    BaselineClientBasicKMIPV1_2: 0x03,
    BaselineClientTLSV1_2KMIPV1_2: 0x04,
    CompleteServerBasicKMIPV1_2: 0x05,
    CompleteServerTLSV1_2KMIPV1_2: 0x06,
    TapeLibraryClientKMIPV1_0: 0x07,
    TapeLibraryClientKMIPV1_1: 0x08,
    TapeLibraryClientKMIPV1_2: 0x09,
    TapeLibraryServerKMIPV1_0: 0x0a,
    TapeLibraryServerKMIPV1_1: 0x0b,
    TapeLibraryServerKMIPV1_2: 0x0c,
    SymmetricKeyLifecycleClientKMIPV1_0: 0x0d,
    SymmetricKeyLifecycleClientKMIPV1_1: 0x0e,
    SymmetricKeyLifecycleClientKMIPV1_2: 0x0f,
    SymmetricKeyLifecycleServerKMIPV1_0: 0x10,
    SymmetricKeyLifecycleServerKMIPV1_1: 0x11,
    SymmetricKeyLifecycleServerKMIPV1_2: 0x12,
    AsymmetricKeyLifecycleClientKMIPV1_0: 0x13,
    AsymmetricKeyLifecycleClientKMIPV1_1: 0x14,
    AsymmetricKeyLifecycleClientKMIPV1_2: 0x15,
    AsymmetricKeyLifecycleServerKMIPV1_0: 0x16,
    AsymmetricKeyLifecycleServerKMIPV1_1: 0x17,
    AsymmetricKeyLifecycleServerKMIPV1_2: 0x18,
    BasicCryptographicClientKMIPV1_2: 0x19,
    BasicCryptographicServerKMIPV1_2: 0x1a,
    AdvancedCryptographicClientKMIPV1_2: 0x1b,
    AdvancedCryptographicServerKMIPV1_2: 0x1c,
    RNGCryptographicClientKMIPV1_2: 0x1d,
    RNGCryptographicServerKMIPV1_2: 0x1e,
    BasicSymmetricKeyFoundryClientKMIPV1_0: 0x1f,
    IntermediateSymmetricKeyFoundryClientKMIPV1_0: 0x20,
    AdvancedSymmetricKeyFoundryClientKMIPV1_0: 0x21,
    BasicSymmetricKeyFoundryClientKMIPV1_1: 0x22,
    IntermediateSymmetricKeyFoundryClientKMIPV1_1: 0x23,
    AdvancedSymmetricKeyFoundryClientKMIPV1_1: 0x24,
    BasicSymmetricKeyFoundryClientKMIPV1_2: 0x25,
    IntermediateSymmetricKeyFoundryClientKMIPV1_2: 0x26,
    AdvancedSymmetricKeyFoundryClientKMIPV1_2: 0x27,
    SymmetricKeyFoundryServerKMIPV1_0: 0x28,
    SymmetricKeyFoundryServerKMIPV1_1: 0x29,
    SymmetricKeyFoundryServerKMIPV1_2: 0x2a,
    OpaqueManagedObjectStoreClientKMIPV1_0: 0x2b,
    OpaqueManagedObjectStoreClientKMIPV1_1: 0x2c,
    OpaqueManagedObjectStoreClientKMIPV1_2: 0x2d,
    OpaqueManagedObjectStoreServerKMIPV1_0: 0x2e,
    OpaqueManagedObjectStoreServerKMIPV1_1: 0x2f,
    OpaqueManagedObjectStoreServerKMIPV1_2: 0x30,
    SuiteBMinLOS_128ClientKMIPV1_0: 0x31,
    SuiteBMinLOS_128ClientKMIPV1_1: 0x32,
    SuiteBMinLOS_128ClientKMIPV1_2: 0x33,
    SuiteBMinLOS_128ServerKMIPV1_0: 0x34,
    SuiteBMinLOS_128ServerKMIPV1_1: 0x35,
    SuiteBMinLOS_128ServerKMIPV1_2: 0x36,
    SuiteBMinLOS_192ClientKMIPV1_0: 0x37,
    SuiteBMinLOS_192ClientKMIPV1_1: 0x38,
    SuiteBMinLOS_192ClientKMIPV1_2: 0x39,
    SuiteBMinLOS_192ServerKMIPV1_0: 0x3a,
    SuiteBMinLOS_192ServerKMIPV1_1: 0x3b,
    SuiteBMinLOS_192ServerKMIPV1_2: 0x3c,
    StorageArrayWithSelfEncryptingDriveClientKMIPV1_0: 0x3d,
    StorageArrayWithSelfEncryptingDriveClientKMIPV1_1: 0x3e,
    StorageArrayWithSelfEncryptingDriveClientKMIPV1_2: 0x3f,
    StorageArrayWithSelfEncryptingDriveServerKMIPV1_0: 0x40,
    StorageArrayWithSelfEncryptingDriveServerKMIPV1_1: 0x41,
    StorageArrayWithSelfEncryptingDriveServerKMIPV1_2: 0x42,
    HTTPSClientKMIPV1_0: 0x43,
    HTTPSClientKMIPV1_1: 0x44,
    HTTPSClientKMIPV1_2: 0x45,
    HTTPSServerKMIPV1_0: 0x46,
    HTTPSServerKMIPV1_1: 0x47,
    HTTPSServerKMIPV1_2: 0x48,
    JSONClientKMIPV1_0: 0x49,
    JSONClientKMIPV1_1: 0x4a,
    JSONClientKMIPV1_2: 0x4b,
    JSONServerKMIPV1_0: 0x4c,
    JSONServerKMIPV1_1: 0x4d,
    JSONServerKMIPV1_2: 0x4e,
    XMLClientKMIPV1_0: 0x4f,
    XMLClientKMIPV1_1: 0x50,
    XMLClientKMIPV1_2: 0x51,
    XMLServerKMIPV1_0: 0x52,
    XMLServerKMIPV1_1: 0x53,
    XMLServerKMIPV1_2: 0x54,
    BaselineServerBasicKMIPV1_3: 0x55,
    BaselineServerTLSV1_2KMIPV1_3: 0x56,
    BaselineClientBasicKMIPV1_3: 0x57,
    BaselineClientTLSV1_2KMIPV1_3: 0x58,
    CompleteServerBasicKMIPV1_3: 0x59,
    CompleteServerTLSV1_2KMIPV1_3: 0x5a,
    TapeLibraryClientKMIPV1_3: 0x5b,
    TapeLibraryServerKMIPV1_3: 0x5c,
    SymmetricKeyLifecycleClientKMIPV1_3: 0x5d,
    SymmetricKeyLifecycleServerKMIPV1_3: 0x5e,
    AsymmetricKeyLifecycleClientKMIPV1_3: 0x5f,
    AsymmetricKeyLifecycleServerKMIPV1_3: 0x60,
    BasicCryptographicClientKMIPV1_3: 0x61,
    BasicCryptographicServerKMIPV1_3: 0x62,
    AdvancedCryptographicClientKMIPV1_3: 0x63,
    AdvancedCryptographicServerKMIPV1_3: 0x64,
    RNGCryptographicClientKMIPV1_3: 0x65,
    RNGCryptographicServerKMIPV1_3: 0x66,
    BasicSymmetricKeyFoundryClientKMIPV1_3: 0x67,
    IntermediateSymmetricKeyFoundryClientKMIPV1_3: 0x68,
    AdvancedSymmetricKeyFoundryClientKMIPV1_3: 0x69,
    SymmetricKeyFoundryServerKMIPV1_3: 0x6a,
    OpaqueManagedObjectStoreClientKMIPV1_3: 0x6b,
    OpaqueManagedObjectStoreServerKMIPV1_3: 0x6c,
    SuiteBMinLOS_128ClientKMIPV1_3: 0x6d,
    SuiteBMinLOS_128ServerKMIPV1_3: 0x6e,
    SuiteBMinLOS_192ClientKMIPV1_3: 0x6f,
    SuiteBMinLOS_192ServerKMIPV1_3: 0x70,
    StorageArrayWithSelfEncryptingDriveClientKMIPV1_3: 0x71,
    StorageArrayWithSelfEncryptingDriveServerKMIPV1_3: 0x72,
    HTTPSClientKMIPV1_3: 0x73,
    HTTPSServerKMIPV1_3: 0x74,
    JSONClientKMIPV1_3: 0x75,
    JSONServerKMIPV1_3: 0x76,
    XMLClientKMIPV1_3: 0x77,
    XMLServerKMIPV1_3: 0x78,
  },
  '1.4': {
    BaselineServerBasicKMIPV1_4: 0x79,
    BaselineServerTLSV1_2KMIPV1_4: 0x7a,
    BaselineClientBasicKMIPV1_4: 0x7b,
    BaselineClientTLSV1_2KMIPV1_4: 0x7c,
    CompleteServerBasicKMIPV1_4: 0x7d,
    CompleteServerTLSV1_2KMIPV1_4: 0x7e,
    TapeLibraryClientKMIPV1_4: 0x7f,
    TapeLibraryServerKMIPV1_4: 0x80,
    SymmetricKeyLifecycleClientKMIPV1_4: 0x81,
    SymmetricKeyLifecycleServerKMIPV1_4: 0x82,
    AsymmetricKeyLifecycleClientKMIPV1_4: 0x83,
    AsymmetricKeyLifecycleServerKMIPV1_4: 0x84,
    BasicCryptographicClientKMIPV1_4: 0x85,
    BasicCryptographicServerKMIPV1_4: 0x86,
    AdvancedCryptographicClientKMIPV1_4: 0x87,
    AdvancedCryptographicServerKMIPV1_4: 0x88,
    RNGCryptographicClientKMIPV1_4: 0x89,
    RNGCryptographicServerKMIPV1_4: 0x8a,
    BasicSymmetricKeyFoundryClientKMIPV1_4: 0x8b,
    IntermediateSymmetricKeyFoundryClientKMIPV1_4: 0x8c,
    AdvancedSymmetricKeyFoundryClientKMIPV1_4: 0x8d,
    SymmetricKeyFoundryServerKMIPV1_4: 0x8e,
    OpaqueManagedObjectStoreClientKMIPV1_4: 0x8f,
    OpaqueManagedObjectStoreServerKMIPV1_4: 0x90,
    SuiteBMinLOS_128ClientKMIPV1_4: 0x91,
    SuiteBMinLOS_128ServerKMIPV1_4: 0x92,
    SuiteBMinLOS_192ClientKMIPV1_4: 0x93,
    SuiteBMinLOS_192ServerKMIPV1_4: 0x94,
    StorageArrayWithSelfEncryptingDriveClientKMIPV1_4: 0x95,
    StorageArrayWithSelfEncryptingDriveServerKMIPV1_4: 0x96,
    HTTPSClientKMIPV1_4: 0x97,
    HTTPSServerKMIPV1_4: 0x98,
    JSONClientKMIPV1_4: 0x99,
    JSONServerKMIPV1_4: 0x9a,
    XMLClientKMIPV1_4: 0x9b,
    XMLServerKMIPV1_4: 0x9c,
  },
  '2.0': {
    CompleteServerBasic: 0x104,
    CompleteServerTLSV1_2: 0x105,
    TapeLibraryClient: 0x106,
    TapeLibraryServer: 0x107,
    SymmetricKeyLifecycleClient: 0x108,
    SymmetricKeyLifecycleServer: 0x109,
    AsymmetricKeyLifecycleClient: 0x10a,
    AsymmetricKeyLifecycleServer: 0x10b,
    BasicCryptographicClient: 0x10c,
    BasicCryptographicServer: 0x10d,
    AdvancedCryptographicClient: 0x10e,
    AdvancedCryptographicServer: 0x10f,
    RNGCryptographicClient: 0x110,
    RNGCryptographicServer: 0x111,
    BasicSymmetricKeyFoundryClient: 0x112,
    IntermediateSymmetricKeyFoundryClient: 0x113,
    AdvancedSymmetricKeyFoundryClient: 0x114,
    SymmetricKeyFoundryServer: 0x115,
    OpaqueManagedObjectStoreClient: 0x116,
    OpaqueManagedObjectStoreServer: 0x117,
    StorageArrayWithSelfEncryptingDriveClient: 0x11c,
    StorageArrayWithSelfEncryptingDriveServer: 0x11d,
    HTTPSClient: 0x11e,
    HTTPSServer: 0x11f,
    JSONClient: 0x120,
    JSONServer: 0x121,
    XMLClient: 0x122,
    XMLServer: 0x123,
    AESXTSClient: 0x124,
    AESXTSServer: 0x125,
    QuantumSafeClient: 0x126,
    QuantumSafeServer: 0x127,
    PKCS_11Client: 0x128,
    PKCS_11Server: 0x129,
    BaselineClient: 0x12a,
    BaselineServer: 0x12b,
    CompleteServer: 0x12c,
  },
})

export const UnwrapMode = enumeration('Unwrap Mode', {
  '1.3': {
    Unspecified: 0x01,
    Processed: 0x02,
    NotProcessed: 0x03,
  },
})

export const DestroyAction = enumeration('Destroy Action', {
  '1.3': {
    Unspecified: 0x01,
    KeyMaterialDeleted: 0x02,
    KeyMaterialShredded: 0x03,
    MetaDataDeleted: 0x04,
    MetaDataShredded: 0x05,
    Deleted: 0x06,
    Shredded: 0x07,
  },
})

export const ShreddingAlgorithm = enumeration('Shredding Algorithm', {
  '1.3': {
    Unspecified: 0x01,
    Cryptographic: 0x02,
    Unsupported: 0x03,
  },
})

export const RNGMode = enumeration('RNG Mode', {
  '1.3': {
    Unspecified: 0x01,
    SharedInstantiation: 0x02,
    NonSharedInstantiation: 0x03,
  },
})

export const ClientRegistrationMethod = enumeration('Client Registration Method', {
  '1.3': {
    Unspecified: 0x01,
    ServerPreGenerated: 0x02,
    ServerOnDemand: 0x03,
    ClientGenerated: 0x04,
    ClientRegistered: 0x05,
  },
})

export const KeyWrapType = enumeration('Key Wrap Type', {
  '1.4': {
    NotWrapped: 0x01,
    AsRegistered: 0x02,
  },
})

export const MaskGenerator = enumeration('Mask Generator', {
  '1.4': {
    MFG1: 0x01,
  },
})

export const AdjustmentType = enumeration('Adjustment Type', {
  '2.0': {
    Increment: 0x01,
    Decrement: 0x02,
    Negate: 0x03,
  },
})

export const AsynchronousIndicator = enumeration('Asynchronous Indicator', {
  '2.0': {
    Mandatory: 0x01,
    Optional: 0x02,
    Prohibited: 0x03,
  },
})

export const DataEnumeration = enumeration('Data', {
  '2.0': {
    Decrypt: 0x01,
    Encrypt: 0x02,
    Hash: 0x03,
    MACMACData: 0x04,
    RNGRetrieve: 0x05,
    SignSignatureData: 0x06,
    SignatureVerify: 0x07,
  },
})

export const EndpointRole = enumeration('Endpoint Role', {
  '2.0': {
    Client: 0x01,
    Server: 0x02,
  },
})

export const InteropFunction = enumeration('Interop Function', {
  '2.0': {
    Begin: 0x01,
    End: 0x02,
    Reset: 0x03,
  },
})

export const ItemType = enumeration('Item Type', {
  '2.0': {
    Structure: 0x01,
    Integer: 0x02,
    LongInteger: 0x03,
    BigInteger: 0x04,
    Enumeration: 0x05,
    Boolean: 0x06,
    TextString: 0x07,
    ByteString: 0x08,
    DateTime: 0x09,
    Interval: 0x0a,
    DateTimeExtended: 0x0b,
  },
})

export const NISTKeyType = enumeration('NIST Key Type', {
  '2.0': {
    PrivateSignatureKey: 0x01,
    PublicSignatureVerificationKey: 0x02,
    SymmetricAuthenticationKey: 0x03,
    PrivateAuthenticationKey: 0x04,
    PublicAuthenticationKey: 0x05,
    SymmetricDataEncryptionKey: 0x06,
    SymmetricKeyWrappingKey: 0x07,
    SymmetricRandomNumberGenerationKey: 0x08,
    SymmetricMasterKey: 0x09,
    PrivateKeyTransportKey: 0x0a,
    PublicKeyTransportKey: 0x0b,
    SymmetricKeyAgreementKey: 0x0c,
    PrivateStaticKeyAgreementKey: 0x0d,
    PublicStaticKeyAgreementKey: 0x0e,
    PrivateEphemeralKeyAgreementKey: 0x0f,
    PublicEphemeralKeyAgreementKey: 0x10,
    SymmetricAuthorizationKey: 0x11,
    PrivateAuthorizationKey: 0x12,
    PublicAuthorizationKey: 0x13,
  },
})

export const ProtectionLevel = enumeration('Protection Level', {
  '2.0': {
    High: 0x01,
    Low: 0x02,
  },
})

export const TicketType = enumeration('Ticket Type', {
  '2.0': {
    Login: 0x01,
  },
})

export const UniqueIdentifierEnumeration = enumeration('Unique Identifier', {
  '2.0': {
    IDPlaceholder: 0x01,
    Certify: 0x02,
    Create: 0x03,
    CreateKeyPair: 0x04,
    CreateKeyPairPrivateKey: 0x05,
    CreateKeyPairPublicKey: 0x06,
    CreateSplitKey: 0x07,
    DeriveKey: 0x08,
    Import: 0x09,
    JoinSplitKey: 0x0a,
    Locate: 0x0b,
    Register: 0x0c,
    ReKey: 0x0d,
    ReCertify: 0x0e,
    ReKeyKeyPair: 0x0f,
    ReKeyKeyPairPrivateKey: 0x10,
    ReKeyKeyPairPublicKey: 0x11,
  },
})

export const ProcessingStage = enumeration('Processing Stage', {
  '2.1': {
    Submitted: 0x01,
    InProcess: 0x02,
    Completed: 0x03,
  },
})

export const RotateNameType = enumeration('Rotate Name Type', {
  '2.1': {
    UninterpretedTextString: 0x01,
    URI: 0x02,
  },
})
