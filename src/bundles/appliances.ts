/**
 * What appliances take whose user interface asks for files: VMware vCenter, Synology DSM, TrueNAS.
 *
 * RSA keys, since that is what their own certificates have.
 *
 * @module
 */
import { authoritiesFile, type Bundle, certificateFile, keyFile, pemFiles, type Signed, trial } from './recipe.ts'

export const vcenter: Bundle = {
  words: 'VMware vCenter, standard key provider',
  keyType: 'RSA-2048',
  issue: {
    files: pemFiles,
    steps: contents => `${trial(contents)}
In the vSphere Client, on the vCenter Server: Configure, Key Providers. Labels differ a little between releases.

1. Add a standard key provider. ${vcenterServer(contents)}
2. Establish Trust, make the key server trust vCenter: the method "KMS certificate and private key". Upload cert.pem and
   key.pem. (API: CryptoManagerKmip.UploadClientCert)
${vcenterTrust(contents)}`,
  },
  sign: {
    files: contents => [certificateFile(contents), authoritiesFile(contents)],
    steps:
      contents => `In the vSphere Client, on the vCenter Server: Configure, Key Providers. Labels differ a little between releases.

1. The provider that the request was made for must name this server. ${vcenterServer(contents)}
2. Establish Trust: upload the signed certificate, cert.pem. (API: CryptoManagerKmip.UpdateKmsSignedCsrClientCert)
${vcenterTrust(contents)}`,
  },
}

const vcenterServer = ({ server: { host, port } }: Signed): string =>
  `Address: ${host}. Port: ${port}. Leave user name and password empty.`

const vcenterTrust = ({
  server: { fingerprint },
}: Signed): string => `3. Establish Trust, make vCenter trust the key server: vCenter shows the server's certificate. Compare it, and trust it${
  fingerprint === undefined ? '.' : `:\n\n   SHA-256 ${fingerprint}\n`
}
   If vCenter complains after the server's certificate was renewed, do this step again.
`

export const synology: Bundle = {
  words: 'Synology DSM 7',
  keyType: 'RSA-2048',
  issue: {
    files: contents => [
      certificateFile(contents, 'client.crt'),
      keyFile(contents, 'client.key'),
      authoritiesFile(contents, 'ca.crt'),
    ],
    steps: contents => `${trial(contents, { ca: 'ca.crt', cert: 'client.crt', key: 'client.key' })}
In DSM: Control Panel, Security.

1. Certificate, Add, "Add a new certificate", description KMIP, "Import certificate". Private Key: client.key. Certificate:
   client.crt. Intermediate certificate: ca.crt.
2. Certificate, Settings: choose the new certificate for KMIP.
3. KMIP, Remote Key Client. Hostname: ${contents.server.host}. Port: ${contents.server.port}. Certificate Authority: ca.crt.

If it does not connect, DSM's log tells why: sudo journalctl -u kmip.service
`,
  },
}

export const truenas: Bundle = {
  words: 'TrueNAS',
  keyType: 'RSA-2048',
  issue: {
    files: pemFiles,
    steps: contents => `${trial(contents)}
In TrueNAS:

1. Import cert.pem and key.pem as a certificate, and ca.pem as a certificate authority.
2. In the settings of KMIP (API: kmip.update) name both, and:

   server       ${contents.server.host}
   port         ${contents.server.port}
   ssl_version  PROTOCOL_TLSv1_2

   manage_sed_disks has the passwords of self-encrypting drives kept here, manage_zfs_keys those of datasets.
`,
  },
}
