/**
 * The table of settings: what there is, what it may be, what it is unless set, and what it means.
 *
 * @module
 */
import * as z from 'zod'
import { defaultLimits } from '../listener.ts'

const whole = (min: number, max: number, preset: number) => z.int().min(min).max(max).default(preset)

/** As short names write them: RFC 4514 §3 */
const subjectFields = z
  .array(z.string().regex(/^([A-Za-z]+|\d+(\.\d+)+)$/, 'names of fields, such as "OU"'))
  .default([])

const dayMs = 86_400_000

const trust = z.strictObject({
  ca: z.string().min(1),
  group: z.string().min(1).optional(),
  crl: z.string().min(1).optional(),
  expiredCrl: z.enum(['serve', 'refuse']).optional(),
})

export const trustKeys = Object.keys(trust.shape)

export const settings = {
  listen: z.strictObject({
    host: z.string().min(1).default('::').describe('Address to listen on. "::" is every address, IPv4 and IPv6.'),
    port: whole(0, 65_535, 5696).describe('5696 is the port that IANA assigned to KMIP; 0 is any free one.'),
  }),
  https: z.strictObject({
    port: z
      .int()
      .min(0)
      .max(65_535)
      .optional()
      .describe('Port of the HTTPS API, of which there is none unless this is set; 0 is any free one.'),
    host: z.string().min(1).optional().describe('Address to listen on, if not that of [listen].'),
    address: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('Where others reach it; certificates then say where to ask whether they are revoked.'),
    anonymousPerMinute: whole(1, 1_000_000, 600).describe(
      'Requests a minute of one address that say not whose they are.',
    ),
    failuresPerMinute: whole(1, 1_000_000, 20).describe('Refused tokens and certificates a minute of one address.'),
  }),
  tls: z.strictObject({
    serverKey: z
      .enum(['P-256', 'P-384', 'RSA-2048', 'RSA-3072', 'RSA-4096'])
      .default('P-256')
      .describe(
        'Type of the server\'s own key: "P-256", "P-384", "RSA-2048", "RSA-3072" or "RSA-4096". Some old clients know only RSA.',
      ),
    clientUsage: z
      .enum(['lenient', 'strict'])
      .default('lenient')
      .describe('Whether client certificates must say clientAuth ("strict") or may say nothing of usages.'),
    trust: z
      .array(trust)
      .default([])
      .describe(
        'More authorities whose clients are admitted without being registered one by one: a PEM file each (ca), and the group\n' +
          'whose objects their clients share. Without a group each client has one of its own. The first certificate in the file\n' +
          'is that of the authority; after it, those above it up to the root, each the issuer of the one before: these are used\n' +
          'to verify it, and their other clients are not admitted. Of several authorities above a client, the nearest to it\n' +
          'counts. Whom a revocation list names (crl: PEM or DER; in PEM it may be followed by those of authorities below) is\n' +
          'refused, on open connections, too. A running server reads these files again when they change. A list that is out\n' +
          'of date goes on to count and is warned of, so that no array is locked out because a download failed; where expiredCrl\n' +
          'is "refuse", every authority between needs a list that is not, or its clients are shut out. A list that is older than\n' +
          'the last, not signed by its authority, or a delta alone is an error: the last one goes on to count, and if there is\n' +
          'none, as when the server starts, the clients are shut out in any case.',
      ),
  }),
  policy: z.strictObject({
    keyTypes: z
      .array(z.enum(['RSA-2048', 'RSA-3072', 'RSA-4096', 'P-256', 'P-384', 'P-521', 'Ed25519']))
      .min(1)
      .optional()
      .describe('Types of key that client certificates may be signed for. Unless set, all that kmipd knows.'),
    maximumDays: z
      .int()
      .min(1)
      .max(36_500)
      .optional()
      .describe('The longest validity of a client certificate, in days. Unless set, as long as the authority lasts.'),
    requiredSubject: subjectFields.describe(
      'What the subject of a request must name: "CN", "O", "OU", "C", "ST", "L" and so on.',
    ),
    forbiddenSubject: subjectFields.describe('What it must not name.'),
    clientName: z
      .enum(['dn', 'commonName', 'organizationalUnit', 'san', 'fingerprint'])
      .default('dn')
      .describe(
        'What makes two certificates of an authority under [[tls.trust]] those of one client: the same "dn" (the whole\n' +
          'subject), "commonName", "organizationalUnit", "san" (first alternative name) or "fingerprint" (the very certificate).\n' +
          'Changing it gives such clients other groups: they no longer see the keys that they made.',
      ),
  }),
  limits: z.strictObject({
    maxMessageBytes: whole(1024, 268_435_456, defaultLimits.maxMessageBytes).describe('The longest request, in bytes.'),
    maxResponseBytes: whole(65_536, 1_073_741_824, 16_777_216).describe(
      'The longest response, in bytes. No object is longer than a request.',
    ),
    maxBatchItems: whole(1, 100_000, 1000).describe('Batch items in a request.'),
    maxConnections: whole(1, 1_000_000, defaultLimits.maxConnections).describe('Connections that are open at a time.'),
    handshakeMs: whole(100, 600_000, defaultLimits.handshakeMs).describe('Milliseconds for a TLS handshake.'),
    messageMs: whole(100, 600_000, defaultLimits.messageMs).describe(
      'Milliseconds for a request to arrive once it has begun, and for a client to read a response.',
    ),
    idleMs: whole(1000, 30 * dayMs, defaultLimits.idleMs).describe(
      'Milliseconds between requests. Storage arrays hold connections for hours without a word.',
    ),
    drainMs: whole(0, 600_000, defaultLimits.drainMs).describe(
      'Milliseconds that a stopping server waits for requests that are in progress.',
    ),
  }),
  store: z.strictObject({
    engine: z.enum(['lmdb']).default('lmdb').describe('What keeps the records.'),
    masterKey: z
      .enum(['file', 'passphrase', 'environment'])
      .default('file')
      .describe(
        'Where the key that opens the store comes from: "file", "passphrase" (in KMIPD_PASSPHRASE) or "environment" (in\nKMIPD_MASTER_KEY, 32 bytes in hexadecimal or base64). Chosen before the first start.',
      ),
    masterKeyFile: z
      .string()
      .min(1)
      .optional()
      .describe('Its file, if not master.key in the data folder. Keep a copy elsewhere: without it all keys are lost.'),
  }),
  log: z.strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error'])
      .default('info')
      .describe('The least severe lines to write: "debug", "info", "warn" or "error".'),
    file: z.string().min(1).optional().describe('Where to write them, if not standard error. SIGHUP opens it anew.'),
  }),
}

export type Sections = typeof settings
export type Section = keyof Sections

export const schema = z.strictObject({
  listen: settings.listen.prefault({}),
  https: settings.https.prefault({}),
  tls: settings.tls.prefault({}),
  policy: settings.policy.prefault({}),
  limits: settings.limits.prefault({}),
  store: settings.store.prefault({}),
  log: settings.log.prefault({}),
})

/** To generate code for a schema that is used twice takes longer than it saves. */
export const inPlace = { jitless: true }

/** The default of each setting that has one, by path. */
export const presets: ReadonlyMap<string, unknown> = new Map(
  Object.entries(schema.parse({}, inPlace)).flatMap(([section, values]) =>
    Object.entries(values).map(([key, value]): [string, unknown] => [`${section}.${key}`, value]),
  ),
)

/** `listen.port`, and so on. */
export const paths = Object.entries(settings).flatMap(([section, { shape }]) =>
  Object.keys(shape).map(key => `${section}.${key}`),
)

/** What the settings file shows for settings without a default. */
export const examples: Readonly<Record<string, unknown>> = {
  'https.port': 5697,
  'https.host': '192.0.2.7',
  'https.address': 'https://keys.example.net:5697',
  'policy.keyTypes': ['P-256', 'RSA-2048'],
  'policy.maximumDays': 825,
  'store.masterKeyFile': 'master.key',
  'log.file': 'kmipd.log',
}
