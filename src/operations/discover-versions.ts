import { DiscoverVersions, protocolVersion, versions } from '../../protocol/index.ts'
import { handle } from './handle.ts'

/** The versions spoken, best first: all, or those of them that the client names. KMIP 2.1 §6.1.16 */
export const discoverVersions = handle(DiscoverVersions, ({ protocolVersion: wanted }) => {
  const spoken = versions.toReversed().map(protocolVersion)
  if (wanted.length === 0) return { protocolVersion: spoken }
  const isWanted = (version: (typeof spoken)[number]): boolean =>
    wanted.some(
      each =>
        each.protocolVersionMajor === version.protocolVersionMajor &&
        each.protocolVersionMinor === version.protocolVersionMinor,
    )
  return { protocolVersion: spoken.filter(isWanted) }
})
