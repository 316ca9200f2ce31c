/**
 * What NetApp ONTAP and NetApp Element take.
 *
 * ONTAP asks for the PEM of certificate and key on its command line, takes authorities one by one, and no PKCS#12. An
 * Element cluster makes its own key, which never leaves it, and takes the rest as members of JSON-RPC requests.
 *
 * @module
 */
import {
  aboveRoot,
  type Bundle,
  certificateFile,
  hostAndPort,
  keyFile,
  rootFile,
  rootOf,
  type Signed,
  trial,
} from './recipe.ts'

export const ontap: Bundle = {
  words: 'NetApp ONTAP',
  keyType: 'RSA-2048',
  issue: {
    files: contents => [certificateFile(contents), keyFile(contents), rootFile(contents)],
    steps: contents => `${trial(contents)}
On the cluster, with the name of its admin SVM in place of ADMIN_SVM:

1. Install the client's certificate. Paste cert.pem, then key.pem, when asked; the same one serves all nodes of an HA pair.

   security certificate install -vserver ADMIN_SVM -type client -subtype kmip-cert
${ontapEnd(contents)}`,
  },
  sign: {
    files: contents => [certificateFile(contents), rootFile(contents)],
    steps: contents => `On the cluster, with the name of its admin SVM in place of ADMIN_SVM:

1. Install the client's certificate. Paste cert.pem, then the private key that the request was made with, when asked.

   security certificate install -vserver ADMIN_SVM -type client -subtype kmip-cert
${ontapEnd(contents)}`,
  },
}

const ontapEnd = (contents: Signed): string => `
2. Install the authority. Paste ca.pem when asked.

   security certificate install -vserver ADMIN_SVM -type server-ca -subtype kmip-cert

3. Both commands end with the certificate's generated name. Put these names in place of CLIENT_CERT and SERVER_CA:

   security key-manager external enable -vserver ADMIN_SVM -key-servers ${hostAndPort(contents.server)} -client-cert CLIENT_CERT -server-ca-certs SERVER_CA

4. See that the key server is available on every node:

   security key-manager external show-status

To renew later: install the new certificate as in step 1, and name it with

   security key-manager external modify -vserver ADMIN_SVM -client-cert CLIENT_CERT
${aboveRoot(contents)}`

const provider = 'kmipd'

export const element: Bundle = {
  words: 'NetApp Element (SolidFire, HCI)',
  sign: {
    files: contents => [
      certificateFile(contents),
      rootFile(contents),
      {
        role: 'createKeyProvider',
        name: 'CreateKeyProviderKmip.json',
        content: call('CreateKeyProviderKmip', { keyProviderName: provider }),
        words: 'request for the cluster',
      },
      {
        role: 'createKeyServer',
        name: 'CreateKeyServerKmip.json',
        content: call('CreateKeyServerKmip', {
          kmipCaCertificate: rootOf(contents),
          kmipClientCertificate: contents.certificate.pem,
          kmipKeyServerHostnames: [contents.server.host],
          kmipKeyServerName: provider,
          kmipKeyServerPort: contents.server.port,
        }),
        words: 'request for the cluster, with both certificates in it',
      },
    ],
    steps:
      contents => `In this folder, with the cluster's management address in place of MVIP. curl asks for the password of admin.
If the cluster has a certificate of its own making, give that to curl: --cacert CLUSTER.pem.

1. Make a key provider, and note the keyProviderID in the answer:

   ${post('@CreateKeyProviderKmip.json')}

2. Make the key server, and note the keyServerID:

   ${post('@CreateKeyServerKmip.json')}

3. Test it, with that number in place of KEY_SERVER_ID; the answer is an empty result:

   ${postCall('TestKeyServerKmip', '"keyServerID":KEY_SERVER_ID')}

4. Give it to the provider, with the first number in place of KEY_PROVIDER_ID, and test that:

   ${postCall('AddKeyServerToProviderKmip', '"keyProviderID":KEY_PROVIDER_ID,"keyServerID":KEY_SERVER_ID')}
   ${postCall('TestKeyProviderKmip', '"keyProviderID":KEY_PROVIDER_ID')}

5. Encrypt. Through the API, since the button of the user interface makes internal keys:

   ${postCall('EnableEncryptionAtRest', '"keyProviderID":KEY_PROVIDER_ID')}

   or, for software encryption at rest:

   ${postCall('RekeySoftwareEncryptionAtRestMasterKey', '"keyManagementType":"external","keyProviderID":KEY_PROVIDER_ID')}

To renew later: sign the same request again, into another folder, and call ModifyKeyServerKmip with the keyServerID and
the new cert.pem as kmipClientCertificate. The cluster keeps its key.
${aboveRoot(contents)}`,
  },
}

const call = (method: string, params: object): string => `${JSON.stringify({ method, params, id: 1 }, undefined, 2)}\n`

const post = (body: string): string =>
  `curl --user admin --header 'Content-Type: application/json' --data ${body} https://MVIP/json-rpc/12.3`

/** With words for numbers that are not known yet: the cluster refuses it for as long as they stand there. */
const postCall = (method: string, members: string): string =>
  post(`'{"method":"${method}","params":{${members}},"id":1}'`)
