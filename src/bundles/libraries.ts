/**
 * What programs take that are built on a KMIP library: PyKMIP, libkmip, and whatever runs on Java.
 *
 * @module
 */
import { exportTrustStore } from '../../certs/index.ts'
import {
  type Bundle,
  type BundleFile,
  type Issued,
  keyStoreFiles,
  pathIn,
  pemFiles,
  shellWord,
  trial,
  hostAndPort,
} from './recipe.ts'

export const pykmip: Bundle = {
  words: 'PyKMIP',
  issue: {
    files: contents => [
      ...pemFiles(contents),
      { role: 'settings', name: 'pykmip.conf', content: pykmipConf(contents), words: 'settings for PyKMIP' },
    ],
    steps: contents => `${trial(contents)}
PyKMIP reads ~/.pykmip/pykmip.conf or /etc/pykmip/pykmip.conf, or what a program names. The paths in pykmip.conf are those
of this folder: change them if the files move.

  from kmip.pie.client import ProxyKmipClient

  with ProxyKmipClient(config_file=${JSON.stringify(pathIn(contents, 'pykmip.conf'))}) as client:
      print(client.locate())

PyKMIP does not compare the server's name with its certificate. Python 3.12 and later lack what PyKMIP 0.10 needs for TLS.
`,
  },
}

function pykmipConf(contents: Issued): string {
  const lines = {
    host: contents.server.host,
    port: String(contents.server.port),
    keyfile: pathIn(contents, 'key.pem'),
    certfile: pathIn(contents, 'cert.pem'),
    cert_reqs: 'CERT_REQUIRED',
    ssl_version: 'PROTOCOL_TLSv1_2',
    ca_certs: pathIn(contents, 'ca.pem'),
    do_handshake_on_connect: 'True',
    suppress_ragged_eofs: 'True',
  }
  // A percent sign begins the name of another setting there, unless it is doubled.
  const written = Object.entries(lines).map(([name, value]) => `${name}=${value.replaceAll('%', '%%')}\n`)
  return `[client]\n${written.join('')}`
}

export const libkmip: Bundle = {
  words: 'libkmip',
  issue: {
    files: pemFiles,
    steps: contents => `${trial(contents)}
With the programs that come with libkmip:

  demo_get -a ${contents.server.host} -p ${contents.server.port} -c ${shellWord(pathIn(contents, 'cert.pem'))} -k ${shellWord(pathIn(contents, 'key.pem'))} -r ${shellWord(pathIn(contents, 'ca.pem'))} -i UNIQUE_IDENTIFIER

In a program of your own: SSL_CTX_use_certificate_file with cert.pem, SSL_CTX_use_PrivateKey_file with key.pem,
SSL_CTX_load_verify_locations with ca.pem, and ${hostAndPort(contents.server)} for BIO_set_conn_hostname.
`,
  },
}

const stores = { key: 'keystore.p12', trust: 'truststore.p12' }
const argumentsName = 'java.args'

export const java: Bundle = {
  words: 'Java',
  issue: {
    files: async contents => [
      ...(await keyStoreFiles(contents, stores.key)),
      {
        role: 'trustStore',
        name: stores.trust,
        content: await exportTrustStore({ certificates: contents.chain, passphrase: contents.passphrase.text }),
        words: 'the authority that the server is known by, PKCS#12, the same passphrase',
      },
      javaArguments(contents),
    ],
    steps: contents => `Look into the key store:

  keytool -list -keystore ${shellWord(pathIn(contents, stores.key))}${
    contents.passphrase.isGenerated ? ` -storepass:file ${shellWord(pathIn(contents, 'passphrase.txt'))}` : ''
  }

Start a program with both stores as the default for TLS:

  java @${shellWord(pathIn(contents, argumentsName))} -jar program.jar

A program that opens them itself: KeyStore.getInstance("PKCS12"); the alias of the key is ${JSON.stringify(contents.name.toLowerCase())}. The server
is ${hostAndPort(contents.server)}. Java 8u301 and all later releases read these files; java @${argumentsName} is known to Java 9 and later.
${contents.passphrase.isGenerated ? '' : `\nThe passphrase is the one that you gave: it is in no file here. Add it to ${argumentsName}, or to the program's settings.\n`}`,
  },
}

/** In a file rather than on the command line, where everybody on the machine could read the passphrase. */
function javaArguments(contents: Issued): BundleFile {
  const { text, isGenerated } = contents.passphrase
  const properties = {
    keyStore: pathIn(contents, stores.key),
    keyStoreType: 'PKCS12',
    ...(isGenerated ? { keyStorePassword: text } : {}),
    trustStore: pathIn(contents, stores.trust),
    trustStoreType: 'PKCS12',
    ...(isGenerated ? { trustStorePassword: text } : {}),
  }
  return {
    role: 'settings',
    name: argumentsName,
    content: Object.entries(properties)
      .map(([name, value]) => `"-Djavax.net.ssl.${name}=${value.replace(/["\\]/g, '\\$&')}"\n`)
      .join(''),
    isSecret: true,
    words: isGenerated ? 'arguments for java, with the passphrase in them: keep it secret' : 'arguments for java',
  }
}
