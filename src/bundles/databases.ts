/**
 * What databases and object stores take that read a settings file: MongoDB, Percona Server for MySQL, pg_tde, Ceph.
 *
 * @module
 */
import { authoritiesFile, type Bundle, type Issued, hostAndPort, pathIn, pemFiles, shellWord, trial } from './recipe.ts'

const moved = 'The paths in it are those of this folder: change them if the files move.'

/** mongod wants certificate and key in one file. */
export const mongodb: Bundle = {
  words: 'MongoDB Enterprise, Percona Server for MongoDB',
  issue: {
    files: contents => [
      {
        role: 'key',
        name: 'client.pem',
        content: contents.certificate.pem + contents.key,
        isSecret: true,
        words: "the client's certificate and private key, PEM, not encrypted: keep it secret",
      },
      authoritiesFile(contents),
      {
        role: 'settings',
        name: 'mongod.conf',
        content: `security:
  enableEncryption: true
  kmip:
    serverName: ${JSON.stringify(contents.server.host)}
    port: ${contents.server.port}
    clientCertificateFile: ${JSON.stringify(pathIn(contents, 'client.pem'))}
    serverCAFile: ${JSON.stringify(pathIn(contents, 'ca.pem'))}
`,
        words: 'settings for mongod',
      },
    ],
    steps: contents => `${trial(contents, { ca: 'ca.pem', cert: 'client.pem', key: 'client.pem' })}
1. Let the user that runs mongod read client.pem, and nobody else.
2. Take the settings of mongod.conf into your own.
   ${moved}
3. Start mongod with an empty dbPath: what is there already is not encrypted afterwards. It makes its key here.
`,
  },
}

const perconaName = 'component_keyring_kmip.cnf'

export const perconaMysql: Bundle = {
  words: 'Percona Server for MySQL, component_keyring_kmip',
  issue: {
    files: contents => [
      ...pemFiles(contents),
      {
        role: 'settings',
        name: perconaName,
        content: `${JSON.stringify(
          {
            server_addr: contents.server.host,
            server_port: String(contents.server.port),
            client_ca: pathIn(contents, 'cert.pem'),
            client_key: pathIn(contents, 'key.pem'),
            server_ca: pathIn(contents, 'ca.pem'),
          },
          undefined,
          2,
        )}\n`,
        words: 'settings of the component; client_ca is its name for the client certificate',
      },
    ],
    steps: contents => `${trial(contents)}
1. Let the user that runs mysqld read key.pem, and nobody else.
2. Put ${perconaName} where mysqld looks for the component's settings.
   ${moved}
3. Name the component in the manifest mysqld.my, beside mysqld:

   { "components": "file://component_keyring_kmip" }
`,
  },
}

export const pgTde: Bundle = {
  words: 'PostgreSQL with pg_tde',
  issue: {
    files: contents => [
      ...pemFiles(contents),
      {
        role: 'settings',
        name: 'add-key-provider.sql',
        content: addKeyProvider(contents),
        words: 'the statement that adds the key provider',
      },
    ],
    steps: contents => `${trial(contents)}
1. Let the user that runs PostgreSQL read key.pem, and nobody else.
2. Add the key provider, in a database that has the extension pg_tde.
   ${moved}

   psql --file ${shellWord(pathIn(contents, 'add-key-provider.sql'))}
`,
  },
}

const addKeyProvider = (contents: Issued): string => {
  const { host, port } = contents.server
  const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map(name => sqlText(pathIn(contents, name)))
  return `-- Name, host, port, authority, certificate, key.
SELECT pg_tde_add_global_key_provider_kmip('kmipd', ${sqlText(host)}, ${port}, ${ca}, ${cert}, ${key});
`
}

const sqlText = (text: string): string => `'${text.replaceAll("'", "''")}'`

export const ceph: Bundle = {
  words: 'Ceph Object Gateway (RGW)',
  issue: {
    files: contents => [
      ...pemFiles(contents),
      {
        role: 'settings',
        name: 'ceph.conf',
        content: `rgw crypt s3 kms backend = kmip
rgw crypt kmip addr = ${hostAndPort(contents.server)}
rgw crypt kmip ca path = ${pathIn(contents, 'ca.pem')}
rgw crypt kmip client cert = ${pathIn(contents, 'cert.pem')}
rgw crypt kmip client key = ${pathIn(contents, 'key.pem')}
`,
        words: 'settings for the gateway',
      },
    ],
    steps: contents => `${trial(contents)}
1. Let the user that runs radosgw read key.pem, and nobody else.
2. Take the lines of ceph.conf into the section of the gateway in your own, and restart it.
   ${moved}
3. Make keys for it here: the name of a key is what S3 clients give as --sse-kms-key-id.

   kmipd kmip create --server ${hostAndPort(contents.server)} --ca ${shellWord(pathIn(contents, 'ca.pem'))} --cert ${shellWord(pathIn(contents, 'cert.pem'))} --key ${shellWord(pathIn(contents, 'key.pem'))} --name mybucketkey --algorithm AES --length 256
`,
  },
}
