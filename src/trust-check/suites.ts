/**
 * Cipher suites by their numbers (https://www.iana.org/assignments/tls-parameters), under OpenSSL's names: those that were
 * ever in common use, the strong ones first.
 *
 * @module
 */
type Suite = readonly [number: number, name: string]

const tls13: readonly Suite[] = [
  [0x1302, 'TLS_AES_256_GCM_SHA384'],
  [0x1303, 'TLS_CHACHA20_POLY1305_SHA256'],
  [0x1301, 'TLS_AES_128_GCM_SHA256'],
  [0x1304, 'TLS_AES_128_CCM_SHA256'],
]

const forwardSecret: readonly Suite[] = [
  [0xc02c, 'ECDHE-ECDSA-AES256-GCM-SHA384'],
  [0xc030, 'ECDHE-RSA-AES256-GCM-SHA384'],
  [0xcca9, 'ECDHE-ECDSA-CHACHA20-POLY1305'],
  [0xcca8, 'ECDHE-RSA-CHACHA20-POLY1305'],
  [0xc02b, 'ECDHE-ECDSA-AES128-GCM-SHA256'],
  [0xc02f, 'ECDHE-RSA-AES128-GCM-SHA256'],
  [0x009f, 'DHE-RSA-AES256-GCM-SHA384'],
  [0xccaa, 'DHE-RSA-CHACHA20-POLY1305'],
  [0x009e, 'DHE-RSA-AES128-GCM-SHA256'],
  [0xc0ad, 'ECDHE-ECDSA-AES256-CCM'],
  [0xc0ac, 'ECDHE-ECDSA-AES128-CCM'],
]

const old: readonly Suite[] = [
  [0xc024, 'ECDHE-ECDSA-AES256-SHA384'],
  [0xc028, 'ECDHE-RSA-AES256-SHA384'],
  [0xc023, 'ECDHE-ECDSA-AES128-SHA256'],
  [0xc027, 'ECDHE-RSA-AES128-SHA256'],
  [0xc00a, 'ECDHE-ECDSA-AES256-SHA'],
  [0xc014, 'ECDHE-RSA-AES256-SHA'],
  [0xc009, 'ECDHE-ECDSA-AES128-SHA'],
  [0xc013, 'ECDHE-RSA-AES128-SHA'],
  [0x006b, 'DHE-RSA-AES256-SHA256'],
  [0x0067, 'DHE-RSA-AES128-SHA256'],
  [0x0039, 'DHE-RSA-AES256-SHA'],
  [0x0033, 'DHE-RSA-AES128-SHA'],
  [0x009d, 'AES256-GCM-SHA384'],
  [0x009c, 'AES128-GCM-SHA256'],
  [0x003d, 'AES256-SHA256'],
  [0x003c, 'AES128-SHA256'],
  [0x0035, 'AES256-SHA'],
  [0x002f, 'AES128-SHA'],
  [0x0084, 'CAMELLIA256-SHA'],
  [0x0041, 'CAMELLIA128-SHA'],
  [0xc008, 'ECDHE-ECDSA-DES-CBC3-SHA'],
  [0xc012, 'ECDHE-RSA-DES-CBC3-SHA'],
  [0x0016, 'DHE-RSA-DES-CBC3-SHA'],
  [0x000a, 'DES-CBC3-SHA'],
  [0xc007, 'ECDHE-ECDSA-RC4-SHA'],
  [0xc011, 'ECDHE-RSA-RC4-SHA'],
  [0x0005, 'RC4-SHA'],
  [0x0004, 'RC4-MD5'],
]

export const tls13Suites: readonly number[] = tls13.map(([number]) => number)

/** Up to TLS 1.2. */
export const suiteNumbers: readonly number[] = [...forwardSecret, ...old].map(([number]) => number)

const names: ReadonlyMap<number, string> = new Map([...tls13, ...forwardSecret, ...old])

export const suiteName = (number: number): string => names.get(number) ?? `suite 0x${number.toString(16)}`

/** Whether it is spoken by clients of today: forward secrecy and authenticated encryption. */
export const isModern = (number: number): boolean => [...tls13, ...forwardSecret].some(([each]) => each === number)
